"""Directories of prepared models without weights, for what only reads their configuration."""

import json
from collections.abc import Sequence
from pathlib import Path

from inference.engines.depth_tiers import exit_file
from inference.engines.model_manifest import Manifest, manifest_of, write_manifest

SMOLLM2 = {
    "model_type": "llama",
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "intermediate_size": 1536,
    "max_position_embeddings": 8192,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}


def prepared_model(directory: Path, model_id: str = "m", exits: Sequence[int] = ()) -> Manifest:
    """Make a prepared model of SmolLM2's shape in `directory`, with exits at these depths."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(SMOLLM2))
    for name in ("model.safetensors", "tokenizer.json", *map(exit_file, exits)):
        (directory / name).write_bytes(name.encode())
    manifest = manifest_of(directory, model_id=model_id, source="s", precision="bfloat16")
    write_manifest(directory, manifest)
    return manifest
