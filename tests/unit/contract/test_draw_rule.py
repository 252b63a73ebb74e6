"""Which entitlements a job is reserved on, and how much may run at once."""

import uuid

import pytest

from exchange.services.draw_rule import Drawable, allocate, burst_limit_ucu, is_within_draw_rule

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
