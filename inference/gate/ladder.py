"""A ladder: the ways to answer that a gate was trained to judge, as data beside it.

`ladders/NAME.json` is the ladder of the model NAME and `ladders/NAME.safetensors` its gate. The file says of
each rung, in the order of the gate's outputs, which model of the catalogue it is, whether the model thinks
first, and the most tokens that it writes.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from core.money import PPM
from inference.gate.arrays import ArraysError
from inference.gate.network import Gate, read_gate
from inference.gate.thought import THINK, Mode

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z")]


class LadderError(ValueError):
    """A ladder's file that says nothing usable, or that is another gate's."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rung: a model of the catalogue, how it answers, and its token limit, the thought included."""

    name: Name
    model: Name
    mode: Mode
    most_tokens: Annotated[int, Meta(ge=1, le=2**20)]

    @property
    def opening(self) -> str:
        """Return what is put into the model's mouth, as its template's `enable_thinking` does."""
        return THINK if self.mode == "think" else ""


class Ladder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rungs of a model. A question of whose words the gate knows less than `familiar_ppm` is not judged
    by it: it goes to the rung `safe`."""

    model: Name
    rungs: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=16)]
    safe: Name
    familiar_ppm: Annotated[int, Meta(ge=0, le=PPM)]

    def step(self, name: str) -> Step:
        """Return the rung of this name. Raises KeyError if there is none."""
        for each in self.rungs:
            if each.name == name:
                return each
        raise KeyError(name)


class GatedLadder(msgspec.Struct, frozen=True):
    """A ladder with the gate that judges its rungs."""

    ladder: Ladder
    gate: Gate


def find_ladder(directory: Path, model: str) -> GatedLadder | None:
    """Return the ladder of the model; None if it has none. Raises LadderError as `read_ladder`."""
    path = directory / f"{model}.json"
    if "\0" in model or path.parent != directory or not path.is_file():
        return None
    return read_ladder(path)


@lru_cache(maxsize=16)
def read_ladder(path: Path) -> GatedLadder:
    """Return the ladder in a file, with its gate (kept in memory: a gate never changes under its name).

    Raises:
        LadderError: the file is no ladder, its rungs are not its gate's, or it is not named as its model.
    """
    try:
        ladder = msgspec.json.decode(path.read_bytes(), type=Ladder)
        gate = read_gate(path.with_suffix(".safetensors"))
    except (msgspec.DecodeError, ArraysError, OSError) as error:
        raise LadderError(f"{path.name}: {error}") from error
    names = tuple(each.name for each in ladder.rungs)
    if names != tuple(gate.evidence):
        raise LadderError(f"{path.name}: expected the gate's rungs {', '.join(gate.evidence)}")
    if ladder.model != path.stem:
        raise LadderError(f"{path.name}: expected the ladder of {path.stem}, was {ladder.model}'s")
    if ladder.safe not in names:
        raise LadderError(f"{path.name}: there is no rung {ladder.safe}")
    return GatedLadder(ladder, gate)
