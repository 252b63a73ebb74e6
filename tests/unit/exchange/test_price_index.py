"""The rule of the price index, with exact values."""

import pytest

from exchange.price_index import (
    Method,
    Print,
    Value,
    class_value,
    median,
    overall_value,
    without_outliers,
)

USD = 1_000_000_000


def at(price_nano_usd: int, cu: int = 1) -> Print:
    """Return a trade of whole CU at a price per CU."""
    return Print(price_nano_usd * cu, cu * 1_000_000)


def test_a_value_is_weighted_by_volume_and_rounded_half_to_even() -> None:
    prints = [at(2_000), at(2_000), at(2_000), at(2_001), at(2_001, 4)]
    # (3 · 2,000 + 5 · 2,001) ÷ 8 = 2,000.625
    assert class_value(prints, prints, None) == Value(2_001, Method.WINDOW, 5, 0, 8_000_000)
    tie = [at(2_000), at(2_000), at(2_001), at(2_001), at(2_000, 2), at(2_001, 2)]
    assert class_value(tie, tie, None) == Value(2_000, Method.WINDOW, 6, 0, 8_000_000)


def test_a_price_of_a_fraction_of_a_cu_is_exact() -> None:
    assert Print(10_000_000, 500).price == 20 * USD
    assert Print(1, 300_000).price == 3  # 3.33
    assert Print(5, 2_000_000).price == 2  # 2.5, half to even


@pytest.mark.parametrize(
    ("prices", "expected"), [([3], 3), ([3, 1, 2], 2), ([1, 2], 2), ([2, 3], 2), ([4, 1, 9, 2], 3)]
)
def test_a_median_of_an_even_number_is_the_mean_of_the_middle_two(prices: list[int], expected: int) -> None:
    assert median([(price, 1) for price in prices]) == expected


@pytest.mark.parametrize(
    ("values", "expected"), [([(5, 3), (9, 2)], 5), ([(5, 2), (9, 2)], 7), ([(5, 1), (9, 7), (1, 2)], 9)]
)
def test_a_median_counts_a_value_as_often_as_it_is_there(
    values: list[tuple[int, int]], expected: int
) -> None:
    assert median(values) == expected


def test_outliers_are_dropped_beyond_five_deviations_and_not_at_them() -> None:
    # median 101, deviations 0 1 1 2 3 10 11: their median is 2, so the limit is 10
    prints = [at(price * 1_000) for price in (100, 99, 101, 98, 102, 111, 112)]
    assert [trade.price for trade in without_outliers(prints)] == [
        100_000,
        99_000,
        101_000,
        98_000,
        102_000,
        111_000,
    ]


def test_in_a_calm_market_a_deviation_counts_as_one_percent() -> None:
    calm = [at(20 * USD)] * 6
    kept, dropped = at(21 * USD), at(21 * USD + 1)
    assert without_outliers([*calm, kept, dropped]) == [*calm, kept]


def test_one_large_trade_far_away_does_not_move_the_index() -> None:
    prints = [at(20 * USD)] * 5 + [at(90 * USD, 10_000)]
    assert class_value(prints, prints, None) == Value(20 * USD, Method.WINDOW, 5, 1, 5_000_000)


def test_too_few_trades_widen_the_window_and_none_carry_the_value() -> None:
    short = [at(3_000)] * 4
    assert class_value(short, [*short, at(3_010, 6)], 7) == Value(3_006, Method.EXTENDED, 5, 0, 10_000_000)
    assert class_value([], [at(10), at(90)], 7) == Value(50, Method.EXTENDED, 2, 0, 2_000_000)
    assert class_value([], [], 7) == Value(7, Method.CARRIED)
    assert class_value([], [], None) is None


def test_the_overall_value_weighs_classes_by_the_volume_they_stand_on() -> None:
    values = [
        Value(20, Method.WINDOW, 5, 1, 3_000_000),
        Value(40, Method.WINDOW, 6, 0, 1_000_000),
        Value(9_999, Method.CARRIED),
    ]
    assert overall_value(values, 7) == Value(25, Method.WINDOW, 11, 1, 4_000_000)
    extended = [*values, Value(25, Method.EXTENDED, 1, 0, 1_000_000)]
    assert overall_value(extended, 7) == Value(25, Method.EXTENDED, 12, 1, 5_000_000)
    assert overall_value(values[2:], 7) == Value(7, Method.CARRIED)
    assert overall_value(values[2:], None) is None
