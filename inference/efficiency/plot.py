"""Score against compute as a picture: what fixed plans reach, a line; any other policy, a dot; plain SVG."""

from collections.abc import Sequence
from html import escape
from typing import Final

from inference.efficiency.fixed import Point

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 620, 360, 56, 20, 60, 44
OURS, FIXED, OTHERS = "#b4490f", "#0a7", "#667"
STEPS: Final = 4


def frontier(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats in both score and compute, from the cheapest."""
    kept: list[Point] = []
    for each in sorted(points, key=lambda each: (each.flops, -each.score)):
        if not kept or each.score > kept[-1].score:
            kept.append(each)
    return kept


def plot(fixed: Sequence[Point], others: Sequence[Point], ours: Point) -> str:
    """Draw fixed plans with their frontier, the other policies, and ours."""
    most = 1.05 * max(each.flops for each in (*fixed, *others, ours))

    def place(each: Point) -> tuple[float, float]:
        x = LEFT + each.flops / most * (WIDTH - LEFT - RIGHT)
        return round(x, 1), round(TOP + (1 - each.score) * (HEIGHT - TOP - BOTTOM), 1)

    line = " ".join(f"{x},{y}" for x, y in map(place, frontier(fixed)))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="11" fill="#444">',
        "<title>Share of right answers against GFLOP a question</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_axes(most),
        f'<polyline points="{line}" fill="none" stroke="{FIXED}" stroke-width="1.5"/>',
        *(_dot(*place(each), each.name, FIXED, 4, above=True) for each in fixed),
        *(_dot(*place(each), each.name, OTHERS, 3) for each in others),
        _dot(*place(ours), ours.name, OURS, 6),
    ]
    return "".join(parts) + "</svg>\n"


def _axes(most: float) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    drawn = [
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#bbb"/>',
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">GFLOP a question</text>',
    ]
    for step in range(STEPS + 1):
        x, y = LEFT + step / STEPS * (right - LEFT), bottom - step / STEPS * (bottom - TOP)
        gflop = step / STEPS * most / 10**9
        drawn.append(f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{gflop:.1f}</text>')
        drawn.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{step / STEPS:.0%}</text>')
    return drawn


def _dot(x: float, y: float, name: str, colour: str, radius: int, *, above: bool = False) -> str:
    place = f'x="{x}" y="{y + (-8 if above else 16)}" text-anchor="middle"'
    label = f'<text {place} fill="{colour}">{escape(name)}</text>'
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}"/>{label}'
