"""Where results stand in the leaderboard's pictures."""

import msgspec
import pytest

from cux.wire.efficiency import EfficiencyResultView
from inference.efficiency.endpoint import entry_of
from tests.unit.efficiency.test_endpoint import RUN, replies
from web.selectors.efficiency import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, board


def view(name: str, marks: str, gflop: int, *, timed: bool = True) -> EfficiencyResultView:
    rows = replies(marks, marks, marks, (gflop * 10**9,) * 3)
    entry = entry_of(RUN, rows, measured_at="2026-11-24T00:00:00Z")
    strata = [
        each if timed else msgspec.structs.replace(each, latency_p50_ms=None, latency_p95_ms=None)
        for each in entry.strata
    ]
    return EfficiencyResultView(
        efficiency_result_id="efr_1",
        entry=msgspec.structs.replace(entry, name=name, strata=strata),
        method="asked",
        run_by="a",
        revision="r",
        machine="m",
        commit="c",
        source="",
        cards=[],
        questions_sha256="q",
        rows_sha256="h",
        published_at="2026-11-24T00:00:00Z",
    )


def test_dots_stand_by_score_and_logarithm_of_compute_and_the_frontier_joins_the_best() -> None:
    made = board([view("a", "++--", 1), view("b", "+---", 10), view("c", "++++", 100)], "value")
    a, b, c = made.dots
    assert [dot.on_frontier for dot in made.dots] == [True, False, True]
    assert made.frontier == f"{a.x},{a.y} {c.x},{c.y}"
    assert b.x - a.x == pytest.approx(c.x - b.x)
    assert (a.y, c.y) == (TOP + (HEIGHT - TOP - BOTTOM) / 2, TOP)
    assert LEFT < a.x < c.x < WIDTH - RIGHT
    assert [tick.label for tick in made.compute_ticks] == ["1", "2", "5", "10", "20", "50", "100"]
    assert [(line.score, line.gflop, line.value) for line in made.lines] == [
        ("50.0", "1.00", "500,000"),
        ("25.0", "10.00", "25,000"),
        ("100.0", "100.00", "10,000"),
    ]


def test_only_results_with_times_have_bars_and_the_longest_is_the_widest() -> None:
    made = board([view("a", "+", 1, timed=False), view("b", "++", 1)], "value")
    (only,) = made.timed
    assert (only.number, only.name) == (2, "b")
    assert [(bar.stratum, bar.p50, bar.p95) for bar in only.bars] == [
        ("easy", 100, 200),
        ("medium", 100, 200),
        ("hard", 100, 200),
    ]
    assert {bar.p50_width * 2 for bar in only.bars} == {bar.p95_width for bar in only.bars}


def test_nothing_published_is_an_empty_board() -> None:
    assert (board([], "value").dots, board([], "value").timed) == ([], [])
