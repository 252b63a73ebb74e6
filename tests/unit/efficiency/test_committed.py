"""The exchange's committed figures come out of the committed table again; nothing else passes for them."""

import json
import shutil
from pathlib import Path

import pytest

from inference.efficiency.committed import NotReproducedError, committed
from tests.environment import ROOT

GATE = ROOT / "inference" / "gate" / "ladders" / "reasoner-135m.safetensors"
FILES = ("results.json", "outcomes.jsonl.gz")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(ROOT / "docs" / "efficiency" / name, tmp_path)
    return tmp_path


def test_the_gate_and_every_fixed_plan_are_replayed(directory: Path) -> None:
    own = committed(directory, GATE)
    figures = json.loads((directory / "results.json").read_text())["figures"]["test"]
    assert [each.name for each in own.policies] == [
        "gate",
        *(f"always_{rung}" for rung in own.table.origin.rungs),
    ]
    assert len(own.questions) == 1_000
    for each in own.policies:
        right = sum(row.right for row in each.rows)
        assert (len(each.rows), right / 1_000) == (1_000, figures[each.name]["score"])
        assert sum(row.flops for row in each.rows) / 1e12 == pytest.approx(figures[each.name]["gflops"])
    gate, direct = own.policies[:2]
    assert (len(direct.cards), direct.cards[0]["layers"]) == (1, 10)
    assert sorted(card["layers"] for card in gate.cards) == [10, 20, 30]


def test_a_figure_that_does_not_come_out_is_refused(directory: Path) -> None:
    path = directory / "results.json"
    report = json.loads(path.read_text())
    report["figures"]["test"]["gate"]["score"] += 0.001
    path.write_text(json.dumps(report))
    with pytest.raises(NotReproducedError, match=r"gate: 0\.\d+ at"):
        committed(directory, GATE)


def test_another_table_or_gate_is_refused(directory: Path) -> None:
    with pytest.raises(NotReproducedError, match=r"results\.json is not the one"):
        committed(directory, directory / "results.json")
    (directory / "outcomes.jsonl.gz").write_bytes(b"other")
    with pytest.raises(NotReproducedError, match=r"outcomes\.jsonl\.gz is not the one"):
        committed(directory, GATE)
