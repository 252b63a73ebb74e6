"""What the bots of a test market quote."""

from itertools import pairwise

from exchange.bots import Quote, ladder, walk_ticks
from exchange.bots.walk import RANGE_PPM, STEP_PPM, STEP_S

DAY = 20_000 * 86_400


def at(epoch_s: int, seed: str = "s") -> int:
    return walk_ticks(seed=seed, reference_ticks=2_000, epoch_s=epoch_s)


def test_the_walk_is_the_same_for_everybody_and_another_under_another_seed():
    moments = range(DAY, DAY + 3_600, STEP_S)
    assert [at(second) for second in moments] == [at(second) for second in moments]
    assert [at(second) for second in moments] != [at(second, "other") for second in moments]


def test_the_walk_starts_at_the_reference_goes_step_by_step_and_stays_in_range():
    prices = [at(second) for second in range(DAY, DAY + 86_400, 40 * STEP_S)]
    assert prices[0] == 2_000
    assert all(abs(price - 2_000) <= 2_000 * RANGE_PPM // 1_000_000 for price in prices)
    minute = [at(second) for second in range(DAY + 50_000, DAY + 50_060, STEP_S)]
    step = 2_000 * STEP_PPM // 1_000_000
    assert {abs(b - a) for a, b in pairwise(minute)} == {step}


def test_the_ladder_has_five_levels_a_side_growing_outwards():
    quotes = ladder(price_ticks=2_000, band_ticks=(200, 20_000))
    assert quotes[:2] == [Quote("buy", 1_995, 20), Quote("sell", 2_005, 20)]
    assert quotes[-2:] == [Quote("buy", 1_975, 100), Quote("sell", 2_025, 100)]
    assert len(quotes) == 10


def test_what_is_outside_the_band_is_not_quoted_and_no_level_is_at_the_price():
    assert ladder(price_ticks=10, band_ticks=(8, 11)) == [
        Quote("buy", 9, 20),
        Quote("sell", 11, 20),
        Quote("buy", 8, 40),
    ]
