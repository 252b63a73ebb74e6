"""The ladder as a picture: score against GFLOPs, by band, one line a mode; plain SVG."""

from collections.abc import Mapping
from math import log2
from typing import Any, Final

WIDTH, HEIGHT, LEFT, TOP = 250, 190, 46, 34
BANDS: Final = ("easy", "medium", "hard")
COLOURS: Final = {"direct": "#0a7", "think": "#b4490f"}
MIN_GFLOPS, MAX_GFLOPS = 1.0, 64.0


def plot(table: Mapping[str, Any]) -> str:
    """The trained families' bands side by side, the unseen ones below; FLOPs on a logarithmic scale."""
    panels = [
        _panel(part["rungs"], f"{name}, {band}", band, column, row)
        for row, (name, part) in enumerate(table.items())
        for column, band in enumerate(BANDS)
    ]
    width, height = 3 * (WIDTH + LEFT) + 20, len(table) * (HEIGHT + TOP + 30)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11" fill="#444">'
        f'<rect width="{width}" height="{height}" fill="white"/>'
    )
    return head + "".join(panels) + "</svg>\n"


def _panel(rungs: Mapping[str, Any], title: str, band: str, column: int, row: int) -> str:
    x0, y0 = LEFT + column * (WIDTH + LEFT), TOP + row * (HEIGHT + TOP + 30)

    def place(gflops: float, score: float) -> tuple[float, float]:
        part = log2(min(max(gflops, MIN_GFLOPS), MAX_GFLOPS) / MIN_GFLOPS) / log2(MAX_GFLOPS / MIN_GFLOPS)
        return round(x0 + part * WIDTH, 1), round(y0 + (1 - score) * HEIGHT, 1)

    drawn = [
        f'<rect x="{x0}" y="{y0}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#bbb"/>',
        f'<text x="{x0}" y="{y0 - 8}" font-weight="bold">{title}: score by GFLOP</text>',
        *(_label(*place(gflops, 0), f"{gflops:g}", 14) for gflops in (1, 4, 16, 64)),
        *(_label(x0 - 18, place(1, score)[1], f"{score:.0%}", 4) for score in (0, 0.5, 1)),
    ]
    for mode, colour in COLOURS.items():
        points = [
            (name, place(rung["bands"][band]["gflops"], rung["bands"][band]["score"]))
            for name, rung in rungs.items()
            if name.startswith(mode)
        ]
        line = " ".join(f"{x},{y}" for _, (x, y) in points)
        drawn.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        for name, (x, y) in points:
            drawn += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>', _label(x, y, name, -7)]
    return "".join(drawn)


def _label(x: float, y: float, text: str, below: float) -> str:
    return f'<text x="{x}" y="{y + below}" text-anchor="middle">{text}</text>'
