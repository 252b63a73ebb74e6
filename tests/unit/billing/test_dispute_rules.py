"""Who bears a disputed payment, and who gets it back: pure."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.disputes import Claim, Kept, Sources, give_back, still_owed, take, tax_share

AMOUNTS = st.integers(0, 1_000)


def kept(amount: int) -> Kept:
    return Kept(uuid.uuid4(), uuid.uuid4(), amount)


def test_funding_pays_first_then_the_wallet_later_then_providers_then_debt():
    one, two, back = kept(30), kept(30), kept(20)
    sources = Sources(funding=10, wallet=25, earnings=(one, two), held_back=(back,))
    for amount, funding, earnings, held_back, debt in (
        (5, 5, [], [], 0),
        (30, 10, [], [], 20),
        (50, 10, [15], [], 25),
        (80, 10, [30, 15], [], 25),
        (110, 10, [30, 30], [15], 25),
        (200, 10, [30, 30], [20], 110),
    ):
        taken = take(amount, sources)
        assert (taken.funding, taken.debt) == (funding, debt)
        assert [part.amount for part in taken.earnings] == earnings
        assert [part.amount for part in taken.held_back] == held_back
        assert taken.total == amount


@given(AMOUNTS, AMOUNTS, AMOUNTS, st.lists(st.integers(1, 500), max_size=4), AMOUNTS)
def test_what_is_taken_is_what_the_bank_took(amount, funding, wallet, earned, tax):
    sources = Sources(funding=funding, wallet=wallet, earnings=[kept(each) for each in earned])
    taken = take(amount, sources, tax=min(tax, amount))
    assert taken.total == amount
    assert taken.funding <= funding
    assert all(part.amount <= each for part, each in zip(taken.earnings, earned, strict=False))
    assert taken.debt >= 0


@given(AMOUNTS, st.lists(AMOUNTS, max_size=5))
def test_no_more_is_given_back_than_was_taken_and_all_of_it_at_most(reinstated, taken):
    parts = give_back(reinstated, taken)
    assert sum(parts) == min(reinstated, sum(taken))
    assert all(0 <= part <= each for part, each in zip(parts, taken, strict=True))


@pytest.mark.parametrize(
    ("amount", "tax_gone", "gross_gone", "share"),
    [
        (119, 0, 0, 19),  # the whole payment
        (50, 0, 0, 7),  # 50 · 19 ÷ 119 = 7.98, rounded down
        (69, 7, 50, 12),  # the rest of it has the rest
        (119, 19, 119, 0),  # refunded before: no tax is left in it
        (10, 19, 100, 0),
    ],
)
def test_the_tax_in_a_disputed_amount_adds_up_to_the_tax(amount, tax_gone, gross_gone, share):
    found = tax_share(amount, gross=119, tax=19, tax_gone=tax_gone, gross_gone=gross_gone)
    assert found == share


CLAIMS = [Claim(100, 15), Claim(0, 30), Claim(40, 15)]
"""A dispute, a refund that was made at Stripe, another dispute: 200 in all."""


@pytest.mark.parametrize(
    ("owed", "open_parts"),
    [
        (200, [100, 0, 40]),
        (180, [80, 0, 40]),
        (101, [1, 0, 40]),
        (100, [0, 0, 40]),  # the first dispute's fee is open, its payment is repaid
        (54, [0, 0, 39]),
        (15, [0, 0, 0]),
        (0, [0, 0, 0]),
    ],
)
def test_what_is_repaid_repays_the_oldest_first_and_fees_after_what_was_disputed(owed, open_parts):
    assert still_owed(CLAIMS, owed) == open_parts
