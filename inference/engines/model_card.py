"""The compute card of a prepared model, and of its depth tiers; the directory alone is read."""

import json
from pathlib import Path
from typing import Any, Final

from cux.wire.card import ComputeCard
from inference.compute import card_from_config
from inference.engines.depth_tiers import exit_file, hf_overrides
from inference.engines.model_manifest import EXIT_PATTERN, Manifest, read_manifest

_PRECISIONS: Final = {"bf16": "bfloat16"}
_BEFORE, _AFTER = exit_file(0).split("0")


def tier_depths(directory: Path) -> list[int]:
    """At how many layers the model in `directory` has an exit, besides its full depth; the deepest first."""
    names = [path.name for path in directory.glob(EXIT_PATTERN)]
    return sorted((int(name.removeprefix(_BEFORE).removesuffix(_AFTER)) for name in names), reverse=True)


def tier_name(model_id: str, depth: int | None) -> str:
    """What the tier of `depth` layers is called in the catalogue; without a depth, the model itself."""
    return model_id if depth is None else f"{model_id}-{depth}"


def prepared_config(directory: Path, depth: int | None = None) -> tuple[Manifest, dict[str, Any]]:
    """Manifest and configuration of the model in `directory`, the latter as its tier's, if one is named.

    ValueError where there is no such model, or no such tier.
    """
    manifest = read_manifest(directory)
    if manifest is None:
        raise ValueError(f"Expected a prepared model in {directory}: run `make setup`")
    if depth is not None and depth not in tier_depths(directory):
        raise ValueError(f"{manifest.model_id} has no exit after {depth} layers")
    config = _config(directory)
    return manifest, config | (hf_overrides(depth) if depth else {})


def rung_card(directory: Path, layers: int) -> ComputeCard:
    """The compute card of the model in `directory` at so many layers: with all its own, else a tier's."""
    full = _config(directory)["num_hidden_layers"]
    return card_of(directory, None if layers == full else layers)


def _config(directory: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((directory / "config.json").read_text())
    return config


def card_of(directory: Path, depth: int | None = None) -> ComputeCard:
    """The compute card of the prepared model in `directory`, or of its tier of `depth` layers.

    ValueError as `prepared_config`; CardError where the formula does not cover the model.
    """
    manifest, config = prepared_config(directory, depth)
    return card_from_config(
        config,
        model=tier_name(manifest.model_id, depth),
        revision=manifest.revision,
        precision=_PRECISIONS.get(manifest.precision, manifest.precision),
    )
