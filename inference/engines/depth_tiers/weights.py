"""Which tensors of a checkpoint a tier consists of; no torch needed."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

Tensor = TypeVar("Tensor")
_LAYER: Final = re.compile(r"^model\.layers\.(\d+)\.")
EXIT_TENSORS: Final = frozenset({"model.norm.weight", "lm_head.weight"})
"""What an exit brings itself, instead of what the full depth ends with."""


def kept(weights: Iterable[tuple[str, Tensor]], depth: int) -> Iterator[tuple[str, Tensor]]:
    """Those of the full depth's `weights` that the tier of `depth` layers uses."""
    for name, tensor in weights:
        layer = _LAYER.match(name)
        if name not in EXIT_TENSORS and (layer is None or int(layer[1]) < depth):
            yield name, tensor
