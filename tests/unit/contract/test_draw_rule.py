"""Which entitlements a job is reserved on, and how much may run at once."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.services.draw_rule import (
    Drawable,
    allocate,
    burst_limit_ucu,
    by_price,
    is_within_draw_rule,
    price_of,
)

PROVIDER = uuid.UUID(int=1)
DAY = 86_400


def drawable(
    number: int, quantity: int, *, reserved: int = 0, undrawn: int | None = None, **other
) -> Drawable:
    return Drawable(
        entitlement_id=uuid.UUID(int=number),
        provider_id=PROVIDER,
        quantity_ucu=quantity,
        window_s=other.pop("window_s", DAY),
        undrawn_ucu=quantity if undrawn is None else undrawn,
        reserved_ucu=reserved,
        **other,
    )


@pytest.mark.parametrize(
    ("quantity", "window_s", "limit"),
    [(72, DAY, 1), (71, DAY, 0), (143, DAY, 1), (144, DAY, 2), (1_000, 1_200, 1_000), (1_000, 600, 2_000)],
)
def test_limit_is_a_share_of_the_window(quantity, window_s, limit):
    assert burst_limit_ucu([drawable(1, quantity, window_s=window_s)]) == limit


def test_limit_is_of_the_sum_and_counts_what_was_bought_not_what_is_left():
    # 36 ÷ 72 + 36 ÷ 72 = 1, where each alone rounds to 0
    assert burst_limit_ucu([drawable(1, 36), drawable(2, 36)]) == 1
    assert burst_limit_ucu([drawable(1, 720, undrawn=0)]) == 10
    assert burst_limit_ucu([drawable(1, 720, has_ended=True)]) == 0


@pytest.mark.parametrize(
    ("reserved", "compute", "allowed"), [(0, 10**9, True), (4, 6, True), (4, 7, False), (10, 1, False)]
)
def test_one_job_always_and_more_up_to_the_limit(reserved, compute, allowed):
    assert is_within_draw_rule([drawable(1, 720, reserved=reserved)], compute) is allowed


def test_what_runs_on_an_ended_window_is_reserved_still():
    drawables = [drawable(1, 720, reserved=700, has_ended=True), drawable(2, 720)]
    assert not is_within_draw_rule(drawables, 1)


def test_first_to_expire_is_drawn_first():
    drawables = [drawable(1, 100, reserved=40), drawable(2, 100, has_ended=True), drawable(3, 100)]
    assert allocate(drawables, 60) == [(uuid.UUID(int=1), 60)]
    assert allocate(drawables, 61) == [(uuid.UUID(int=1), 60), (uuid.UUID(int=3), 1)]
    assert allocate(drawables, 160) == [(uuid.UUID(int=1), 60), (uuid.UUID(int=3), 100)]
    assert allocate(drawables, 161) is None
    assert allocate([], 1) is None


def test_who_spares_others_stops_at_half_of_the_limit_and_one_job_is_always_allowed():
    held = [drawable(1, 1_000, window_s=1_200, reserved=300)]  # the limit is 1,000
    assert is_within_draw_rule(held, 200, spare=True)
    assert not is_within_draw_rule(held, 201, spare=True)
    assert is_within_draw_rule(held, 700)
    assert is_within_draw_rule([drawable(1, 1_000)], 900, spare=True)


def test_cheapest_first_and_among_equals_what_ends_first():
    held = [drawable(number, 10, price_nano_usd_per_cu=price) for number, price in ((1, 7), (2, 5), (3, 5))]
    assert [each.entitlement_id.int for each in by_price(held)] == [2, 3, 1]


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10**6)), min_size=1, max_size=6),
    st.integers(1, 120),
    st.randoms(use_true_random=False),
)
def test_drawn_cheapest_first_a_job_costs_no_more_than_in_any_other_order(some, compute_ucu, random):
    held = [
        drawable(number, quantity, price_nano_usd_per_cu=price)
        for number, (quantity, price) in enumerate(some, 1)
    ]
    parts = allocate(by_price(held), compute_ucu)
    shuffled = random.sample(held, len(held))
    other = allocate(shuffled, compute_ucu)
    assert (parts is None) == (other is None)
    if parts is not None and other is not None:
        assert sum(amount for _, amount in parts) == compute_ucu
        assert price_of(held, parts) <= price_of(held, other)
