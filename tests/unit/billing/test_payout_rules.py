"""How much is paid out, and what makes it wait: pure."""

import dataclasses

import pytest

from billing.rules.payouts import (
    BlockReason,
    PassThrough,
    PayoutFacts,
    block_reason,
    is_pass_through,
    payable,
    whole_cents,
)

CENT = 10_000_000
NOTHING = PayoutFacts(
    same_organisation=False,
    same_card=False,
    same_bank=False,
    same_address=False,
    pass_through=PassThrough(0, 0),
)


@pytest.mark.parametrize(
    ("available", "in_a_day", "wanted", "amount"),
    [
        (5 * CENT - 1, 0, None, 4 * CENT),
        (5 * CENT, 0, None, 5 * CENT),
        (-3 * CENT, 0, None, 0),
        (50 * CENT, 0, None, 10 * CENT),
        (50 * CENT, 7 * CENT, None, 3 * CENT),
        (50 * CENT, 11 * CENT, None, 0),
        (50 * CENT, 0, 6 * CENT, 6 * CENT),
        (5 * CENT, 0, 6 * CENT, 5 * CENT),
    ],
)
def test_whole_cents_within_the_limit_of_a_day_are_payable(available, in_a_day, wanted, amount):
    assert payable(available=available, day_max=10 * CENT, paid_in_a_day=in_a_day, wanted=wanted) == amount


def test_what_a_cent_cannot_hold_stays():
    assert [whole_cents(amount) for amount in (0, CENT - 1, CENT, 2 * CENT - 1)] == [0, 0, CENT, CENT]


def reason(**facts: object) -> BlockReason | None:
    return block_reason(dataclasses.replace(NOTHING, **facts), from_nano_usd=100, share_ppm=800_000)


@pytest.mark.parametrize("link", ["same_organisation", "same_card", "same_bank", "same_address"])
def test_each_link_is_a_reason(link):
    assert reason() is None
    assert reason(**{link: True}) is BlockReason(link)


@pytest.mark.parametrize(
    ("deposited", "to_provider", "runs_through"),
    [(125, 100, True), (126, 100, False), (125, 99, False), (100, 100, True), (0, 0, False)],
)
def test_much_and_most_of_what_was_paid_in_runs_through(deposited, to_provider, runs_through):
    flow = PassThrough(deposited, to_provider)
    assert is_pass_through(flow, from_nano_usd=100, share_ppm=800_000) is runs_through
    assert (reason(pass_through=flow) is BlockReason.PASS_THROUGH) is runs_through
