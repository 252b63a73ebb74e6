"""What a cover costs, who pays what is missing, and who gets what is left."""

import pytest

from exchange.services.cover_plan import (
    Remainder,
    highest_price_ticks,
    lots_needed,
    remainder,
    top_up_sources,
    worst_price_ticks,
)
from tests.unit.sequencer.test_risk import instrument

BAND = instrument(lot_ucu=100, band_high_ticks=3_000)


@pytest.mark.parametrize(("compute", "lots"), [(1, 1), (100, 1), (101, 2), (333, 4)])
def test_whole_lots_are_bought(compute, lots):
    assert lots_needed(compute, BAND) == lots


@pytest.mark.parametrize(
    ("asks", "price"),
    [
        ([], None),
        ([(2_000, 3)], None),
        ([(2_000, 4)], 2_000),
        ([(2_000, 3), (2_500, 9)], 2_500),
        ([(2_000, 3), (3_000, 1)], 3_000),
        ([(2_000, 3), (3_001, 9)], None),
    ],
)
def test_the_price_is_the_worst_level_needed_up_to_the_highest(asks, price):
    assert worst_price_ticks(asks, 4, 3_000) == price


@pytest.mark.parametrize(
    ("usual", "highest"), [(1_999, 2_598), (2_307, 2_999), (2_308, 3_000), (5_000, 3_000)]
)
def test_cover_costs_at_most_the_usual_price_and_a_premium_within_the_band(usual, highest):
    assert highest_price_ticks(BAND, usual_ticks=usual, premium_ppm=300_000) == highest


@pytest.mark.parametrize(
    ("missing", "sources"),
    [(0, (0, 0)), (10, (10, 0)), (11, (10, 1)), (15, (10, 5)), (16, None)],
)
def test_hold_back_pays_before_insurance(missing, sources):
    assert top_up_sources(missing, hold_back=10, insurance=5) == sources


@pytest.mark.parametrize(
    ("cost", "left"),
    [
        (0, Remainder(buyer=100, hold_back=10, insurance=5)),
        (115, Remainder(buyer=0, hold_back=0, insurance=0)),
        (111, Remainder(buyer=0, hold_back=0, insurance=4)),
        (110, Remainder(buyer=0, hold_back=0, insurance=5)),
        (109, Remainder(buyer=0, hold_back=1, insurance=5)),
        (100, Remainder(buyer=0, hold_back=10, insurance=5)),
        (60, Remainder(buyer=0, hold_back=10, insurance=45)),
    ],
)
def test_insurance_is_made_whole_first_and_keeps_what_the_shares_did_not_need(cost, left):
    assert remainder(shares=100, hold_back=10, insurance=5, cost=cost) == left
