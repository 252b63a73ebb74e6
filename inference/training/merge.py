"""Merge an adapter: `python -m inference.training.merge --model BASE --adapter FILE --out DIRECTORY`.

The result is a model directory as `inference.engines.model_prepare` makes one, and made once like it: any
loader of Llama serves its full depth, and `inference.engines.depth_tiers` the tiers, each from a file with
its exit's norm and unembedding. The adapter is the file that `--export` wrote from a run's checkpoint,
or such a checkpoint: both give the same model, since what is merged is rounded to bfloat16 first.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.engines.depth_tiers import exit_file
from inference.engines.model_directory import Say, Wanted, model_directory
from inference.engines.model_manifest import MANIFEST_NAME, WEIGHTS_NAME, Manifest, file_digest
from inference.training.dialogue import CHAT_TEMPLATE
from inference.training.lora import merged_state
from inference.training.network import Reasoner
from inference.training.network_shape import EXITS

MODEL_ID: Final = "reasoner-135m"
PRECISION: Final = "bfloat16"
TEMPLATE_NAME: Final = "chat_template.jinja"
ADAPTER_SEED: Final = 0
"""Any seed: what it draws is replaced by the adapter."""


def read_adapter(path: Path) -> dict[str, Tensor]:
    """The trained tensors in an exported adapter or in a run's checkpoint, in bfloat16.

    SystemExit where there is none, or where it differs from the checksum that was exported beside it.
    """
    if not path.exists():
        raise SystemExit(f"there is no adapter at {path}: is this checkout complete?")
    kept = checksum_path(path)
    if kept.exists() and kept.read_text().split()[0] != file_digest(path):
        raise SystemExit(f"{path} is damaged, its checksum is not the one in {kept.name}: check it out again")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else _of_checkpoint(path)
    except SafetensorError as error:
        raise SystemExit(f"{path} can not be read as an adapter: {error}") from error
    return {name: value.bfloat16().contiguous() for name, value in state.items()}


def _of_checkpoint(path: Path) -> dict[str, Tensor]:
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    trained: dict[str, Tensor] = checkpoint["trained"]
    return trained


def checksum_path(adapter: Path) -> Path:
    """Where the checksum of an exported adapter stands, as `sha256sum --check` reads it."""
    return adapter.with_suffix(".sha256")


def digest(adapter: Mapping[str, Tensor]) -> str:
    """Hex SHA-256 of an adapter's names and weights, whatever file they came from."""
    found = hashlib.sha256()
    for name, value in sorted(adapter.items()):
        found.update(f"{name} {tuple(value.shape)}\n".encode())
        found.update(value.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def export(adapter: Mapping[str, Tensor], out: Path) -> None:
    """Write `adapter` as bfloat16 safetensors, and its checksum beside it."""
    save_file({name: value.bfloat16().contiguous() for name, value in adapter.items()}, out)
    checksum_path(out).write_text(f"{file_digest(out)}  {out.name}\n")


def merge(base: Path, adapter: Path, out: Path, say: Say) -> Manifest:
    """Return the manifest of the merged model in `out`, merging first where there is none, or another."""
    trained = read_adapter(adapter)
    source = f"{base.name} sha256:{file_digest(base / WEIGHTS_NAME)} + adapter sha256:{digest(trained)}"
    write = partial(_write, base, trained, say)
    return model_directory(out, Wanted(MODEL_ID, source, PRECISION), write, say)


def _write(base: Path, adapter: Mapping[str, Tensor], say: Say, directory: Path) -> None:
    say(f"model {MODEL_ID}: 1/3 reading {base.name}")
    network = Reasoner(base, seed=ADAPTER_SEED)
    network.load_trained(adapter)
    for path in base.iterdir():
        if path.name not in (MANIFEST_NAME, WEIGHTS_NAME):
            shutil.copyfile(path, directory / path.name)
    (directory / TEMPLATE_NAME).write_text(CHAT_TEMPLATE)
    say(f"model {MODEL_ID}: 2/3 merging the adapter")
    state = {f"model.{name}": value for name, value in merged_state(network.body).items()}
    save_file(state, directory / WEIGHTS_NAME, metadata={"format": "pt"})
    for depth in EXITS:
        say(f"model {MODEL_ID}: 3/3 the exit after {depth} layers")
        save_file(network.exit_tensors(depth), directory / exit_file(depth), metadata={"format": "pt"})


def main() -> None:
    """Command line: merge, or only export; progress on standard error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="directory of the prepared base model")
    parser.add_argument(
        "--adapter", type=Path, required=True, help="adapter.safetensors or a run's checkpoint.pt"
    )
    parser.add_argument("--out", type=Path, help="directory of the merged model")
    parser.add_argument("--export", type=Path, help="only write the adapter to this file, as bfloat16")
    options = parser.parse_args()
    if options.export:
        export(read_adapter(options.adapter), options.export)
    elif options.model and options.out:
        merge(
            options.model,
            options.adapter,
            options.out,
            lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201 (its progress)
        )
    else:
        parser.error("--model and --out are needed, or --export")


if __name__ == "__main__":
    main()
