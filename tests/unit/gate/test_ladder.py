"""Ladders are read strictly, and the one that is shipped is what its figures were measured with."""

import json
from pathlib import Path
from typing import Any

import pytest

from inference.efficiency.table import read_table
from inference.efficiency.tuning import MOST_TOKENS
from inference.gate.ladder import LadderError, find_ladder, read_ladder
from tests.unit.gate.files import common, member, write_arrays

ROOT = Path(__file__).resolve().parents[3]
LADDERS = ROOT / "inference" / "gate" / "ladders"
DIRECT = {"name": "direct-1", "model": "m-1", "mode": "direct", "most_tokens": 8}
THINK = {"name": "think-2", "model": "m", "mode": "think", "most_tokens": 64}
PLAIN: dict[str, Any] = {"model": "m", "rungs": [DIRECT, THINK], "safe": "think-2", "familiar_ppm": 0}


def written(directory: Path, **change: Any) -> Path:
    path = directory / "m.json"
    path.write_text(json.dumps(PLAIN | change))
    arrays = {**common(), **member("0", offsets=[0.0] * 4)}
    write_arrays(directory / "m.safetensors", arrays, {"rungs": "direct-1 think-2"})
    return path


def test_a_ladder_names_its_rungs_in_the_order_of_its_gate(tmp_path: Path) -> None:
    found = read_ladder(written(tmp_path))
    assert [each.name for each in found.ladder.rungs] == list(found.gate.evidence)
    assert (found.ladder.step("direct-1").opening, found.ladder.step("think-2").opening) == ("", "<think>")
    with pytest.raises(KeyError):
        found.ladder.step("think-1")


@pytest.mark.parametrize(
    "change",
    [
        {"rungs": [THINK, DIRECT]},
        {"rungs": []},
        {"rungs": [DIRECT, THINK | {"mode": "guess"}]},
        {"rungs": [DIRECT, THINK | {"most_tokens": 0}]},
        {"rungs": [DIRECT, THINK | {"colour": "red"}]},
        {"safe": "think-1"},
        {"familiar_ppm": 1_000_001},
        {"model": "n"},
        {"more": 1},
    ],
    ids=["order", "none", "mode", "tokens", "field", "safe", "share", "model", "more"],
)
def test_what_is_no_ladder_of_its_gate_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(LadderError, match=r"m\.json"):
        read_ladder(written(tmp_path, **change))


def test_a_ladder_without_its_gate_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.with_suffix(".safetensors").unlink()
    with pytest.raises(LadderError, match=r"m\.safetensors"):
        read_ladder(path)


def test_most_models_have_none_and_no_name_leaves_the_directory(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    written(tmp_path)
    assert find_ladder(tmp_path, "m") is not None
    assert [find_ladder(inner, name) for name in ("m", "../m", "m\0", "", "/m")] == [None] * 5


def test_the_shipped_ladder_is_the_one_that_was_measured() -> None:
    found = find_ladder(LADDERS, "reasoner-135m")
    assert found is not None
    ladder = found.ladder
    measured = json.loads((ROOT / "docs" / "efficiency" / "results.json").read_text())
    table = read_table(ROOT / "docs" / "efficiency" / "outcomes.jsonl.gz")
    assert tuple(each.name for each in ladder.rungs) == table.origin.rungs
    assert ladder.safe == measured["always_maximum"]
    assert {each.mode: each.most_tokens for each in ladder.rungs} == MOST_TOKENS
    cards = {each.name: table.origin.cards[each.name]["model"] for each in ladder.rungs}
    assert {each.name: each.model for each in ladder.rungs} == cards
    # The table's figures are replayed without the fallback: no question of it is that strange.
    strangest = min(found.gate.familiar_ppm(each.prompt) for each in table.of_split("unseen"))
    assert found.gate.familiar_ppm("hello") < ladder.familiar_ppm < strangest
