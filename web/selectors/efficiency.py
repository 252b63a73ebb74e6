"""What the leaderboard shows: results in an order, and where they stand in its pictures."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.errors import Code, CuxError
from cux.wire.efficiency import Bounds, EfficiencyResultView, Stratum, StratumScore
from inference.selectors.efficiency import efficiency_list

MOST: Final = 200
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 420, 270, 40, 14, 14, 40
BAR, BAR_LEFT, BAR_RIGHT, GROUP = 14, 96, 78, 56
"""Heights of a bar and of a result's three, and what lies beside them, in units of the picture."""
_SORTS: Final[dict[str, tuple[str, Callable[[EfficiencyResultView], Any]]]] = {
    "name": ("Result", lambda each: each.entry.name.lower()),
    "score": ("Score", lambda each: -each.entry.score_ppm.value),
    "compute": ("Compute", lambda each: each.entry.flops_mean),
    "value": ("Score per PFLOP", lambda each: -each.entry.score_per_pflop_milli.value),
}
_DECADES: Final = range(6, 19)


@dataclass(frozen=True, slots=True)
class Line:
    """A result in the table: figures as people read them; `number` is its mark in the pictures."""

    number: int
    view: EfficiencyResultView
    score: str
    score_between: str
    gflop: str
    value: str
    value_between: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A result in the picture of score against compute, in the picture's units."""

    number: int
    name: str
    x: float
    y: float
    low: float
    high: float
    on_frontier: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis and where it stands."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """How long a stratum's questions took: half of them up to `p50`, 95 % up to `p95`, in ms."""

    stratum: Stratum
    y: int
    p50: int
    p95: int
    p50_width: float
    p95_width: float


@dataclass(frozen=True, slots=True)
class Timed:
    """A result's bars in the picture of times."""

    number: int
    name: str
    y: int
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Board:
    """The page: lines, dots, the frontier as points of a line, axes, times, and the order's names."""

    sort: str
    sorts: list[tuple[str, str]]
    lines: list[Line]
    dots: list[Dot]
    frontier: str
    compute_ticks: list[Tick]
    score_ticks: list[Tick]
    timed: list[Timed]
    timed_height: int


def leaderboard_page(sort: str) -> Board:
    """Return the newest 200 results in an order. Raises CuxError NOT_FOUND for no order."""
    if sort not in _SORTS:
        raise CuxError(Code.NOT_FOUND)
    views = sorted(efficiency_list(limit=MOST), key=_SORTS[sort][1])
    return board(views, sort)


def board(views: Sequence[EfficiencyResultView], sort: str) -> Board:
    """Return the page of results that are in this order."""
    low, high = _span([each.entry.flops_mean for each in views])
    timed = _timed(views)
    best = _frontier(views)
    dots = [
        Dot(
            number=number,
            name=each.entry.name,
            x=_x(each.entry.flops_mean, low, high),
            y=_y(each.entry.score_ppm.value),
            low=_y(each.entry.score_ppm.low),
            high=_y(each.entry.score_ppm.high),
            on_frontier=each in best,
        )
        for number, each in enumerate(views, start=1)
    ]
    line = sorted((dot.x, dot.y) for dot in dots if dot.on_frontier)
    return Board(
        sort=sort,
        sorts=[(name, label) for name, (label, _) in _SORTS.items()],
        lines=[_line(number, each) for number, each in enumerate(views, start=1)],
        dots=dots,
        frontier=" ".join(f"{x},{y}" for x, y in line),
        compute_ticks=_compute_ticks(low, high),
        score_ticks=[Tick(_y(each * 10_000), f"{each} %") for each in (0, 25, 50, 75, 100)],
        timed=timed,
        timed_height=GROUP * len(timed) + 6,
    )


def _line(number: int, view: EfficiencyResultView) -> Line:
    entry = view.entry
    return Line(
        number=number,
        view=view,
        score=f"{entry.score_ppm.value / 10_000:.1f}",
        score_between=_between(entry.score_ppm, 10_000, 1),
        gflop=f"{entry.flops_mean / 10**9:,.2f}",
        value=f"{entry.score_per_pflop_milli.value / 1_000:,.0f}",
        value_between=_between(entry.score_per_pflop_milli, 1_000, 0),
    )


def _between(bounds: Bounds, unit: int, places: int) -> str:
    return f"{bounds.low / unit:,.{places}f}–{bounds.high / unit:,.{places}f}"


def _frontier(views: Sequence[EfficiencyResultView]) -> list[EfficiencyResultView]:
    """Return the results that no other beats in both score and compute."""
    kept: list[EfficiencyResultView] = []
    for each in sorted(views, key=lambda one: (one.entry.flops_mean, -one.entry.score_ppm.value)):
        if not kept or each.entry.score_ppm.value > kept[-1].entry.score_ppm.value:
            kept.append(each)
    return kept


def _span(flops: Sequence[int]) -> tuple[float, float]:
    """Return the ends of the axis of compute, as powers of ten, with some room beside the dots."""
    logs = [math.log10(max(1, each)) for each in flops] or [9.0]
    return min(logs) - 0.15, max(logs) + 0.15


def _x(flops: float, low: float, high: float) -> float:
    share = (math.log10(max(1, flops)) - low) / (high - low)
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(ppm: int) -> float:
    return round(TOP + (1 - ppm / 10**6) * (HEIGHT - TOP - BOTTOM), 1)


def _compute_ticks(low: float, high: float) -> list[Tick]:
    steps = [(step, decade) for decade in _DECADES for step in (1, 2, 5)]
    return [
        Tick(_x(step * 10**decade, low, high), f"{step * 10 ** (decade - 9):g}")
        for step, decade in steps
        if low <= math.log10(step) + decade <= high
    ]


def _timed(views: Sequence[EfficiencyResultView]) -> list[Timed]:
    rows = [(number, each) for number, each in enumerate(views, start=1) if _times(each.entry.strata)]
    longest = max((p95 for _, each in rows for _, _, p95 in _times(each.entry.strata)), default=1)
    scale = (WIDTH - BAR_LEFT - BAR_RIGHT) / max(1, longest)
    return [
        Timed(
            number=number,
            name=each.entry.name,
            y=GROUP * place + 34,
            bars=[
                Bar(
                    stratum=stratum,
                    y=GROUP * place + 8 + BAR * index,
                    p50=p50,
                    p95=p95,
                    p50_width=round(p50 * scale, 1),
                    p95_width=round(p95 * scale, 1),
                )
                for index, (stratum, p50, p95) in enumerate(_times(each.entry.strata))
            ],
        )
        for place, (number, each) in enumerate(rows)
    ]


def _times(strata: Sequence[StratumScore]) -> list[tuple[Stratum, int, int]]:
    return [
        (each.stratum, each.latency_p50_ms, each.latency_p95_ms)
        for each in strata
        if each.latency_p50_ms is not None and each.latency_p95_ms is not None
    ]
