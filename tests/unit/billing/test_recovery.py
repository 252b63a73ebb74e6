"""What can be recovered is shared exactly."""

import pytest

from billing.rules.recovery import shared


@pytest.mark.parametrize(
    ("found", "claims", "parts"),
    [
        (100, [30, 20], [30, 20]),
        (10, [30, 20], [6, 4]),
        (10, [1, 1, 1], [1, 1, 1]),
        (2, [1, 1, 1], [1, 1, 0]),
        (11, [30, 20, 10], [5, 4, 2]),
        (0, [30, 20], [0, 0]),
        (5, [], []),
        (5, [0, 0], [0, 0]),
    ],
)
def test_parts_sum_to_what_is_found_and_no_claim_gets_more_than_it_is(
    found: int, claims: list[int], parts: list[int]
) -> None:
    assert shared(found, claims) == parts
    assert sum(parts) == min(found, sum(claims))
