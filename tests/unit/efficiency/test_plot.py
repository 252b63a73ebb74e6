"""The picture shows every policy where it stands, and joins only what nothing beats."""

from xml.etree import ElementTree

from inference.efficiency.fixed import Point
from inference.efficiency.plot import frontier, plot

SMALL, WORSE, LARGE = (
    Point("small", 0.5, 10**9),
    Point("worse", 0.4, 2 * 10**9),
    Point("large", 0.9, 4 * 10**9),
)
OURS = Point("<ours>", 1.0, 2 * 10**9)
SVG = "{http://www.w3.org/2000/svg}"


def test_the_frontier_leaves_out_what_is_dearer_and_no_better() -> None:
    twin = Point("twin", 0.5, 10**9)
    assert frontier([LARGE, WORSE, SMALL]) == [SMALL, LARGE]
    assert frontier([SMALL, twin]) == [SMALL]


def test_every_policy_is_drawn_where_it_stands() -> None:
    drawn = ElementTree.fromstring(plot([SMALL, WORSE, LARGE], [], OURS))  # noqa: S314 (ours)
    assert [each.text for each in drawn.iter(f"{SVG}text")][-4:] == ["small", "worse", "large", "<ours>"]
    dots = [(float(each.get("cx", 0)), float(each.get("cy", 0))) for each in drawn.iter(f"{SVG}circle")]
    assert [x for x, _ in dots] == [*sorted(x for x, _ in dots[:3]), dots[1][0]]
    assert dots[3][1] == 20  # a score of one is at the top
    line = drawn.find(f"{SVG}polyline")
    assert line is not None
    assert line.get("points") == " ".join(f"{x},{y}" for x, y in (dots[0], dots[2]))
