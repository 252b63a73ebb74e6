"""An entitlement's end pays by the rule, to the nano-dollar, once.

13 lots of 100 µCU at 1,999 ticks of 1,000 nano-USD: 25,987,000. The buyer takes: fee 29,365 (1,130 ppm of
it is 29,365.31), the seller's 9,615 (370 ppm: 9,615.19). So Q = 1,300 µCU, N = 25,977,385, F = 38,980.
"""

from datetime import timedelta

import pytest
from django.db import transaction

from core.errors import Code, CuxError
from core.models import OutboxMessage
from exchange.models import Entitlement
from exchange.services.entitlement_draw import Drawn
from exchange.services.entitlement_expire import ExpirySplit, entitlement_expire
from tests.integration.contract.books import (
    FEES,
    HOLD_BACK_PPM,
    Books,
    at_once,
    buy,
    drain,
    draw,
    entitlement_figures,
    refusal_of,
    release,
    reserve,
)
from tests.sequencer_market import make_market

ODD_AVAILABILITY_PPM = 987_654


@pytest.fixture(autouse=True)
def odd_shares(settings):
    """Share earned fees so that every share leaves a rest."""
    settings.INSURANCE_SHARE_PPM = 123_457
    settings.PUBLIC_ACCESS_SHARE_PPM = 54_321


def expire(row: Entitlement, availability_ppm: int = ODD_AVAILABILITY_PPM) -> ExpirySplit | None:
    return entitlement_expire(
        entitlement_id=row.id,
        availability_ppm=availability_ppm,
        hold_back_ppm=HOLD_BACK_PPM,
        now=row.ends_at,
    )


def half_used(**terms):
    market = make_market(**FEES, **terms)
    row = buy(market)
    draw(reserve(market, 500), 333)
    draw(reserve(market, 317), 317)
    assert entitlement_figures(row) == (650, 0, -650, 12_988_693)
    return market, row


def test_drawing_releases_escrow_and_fee_exactly(exchange):
    market = make_market(**FEES)
    row = buy(market)
    assert (row.quantity_ucu, row.escrow_nano_usd, row.fee_nano_usd) == (1_300, 25_977_385, 38_980)
    books = Books(market)
    parts = reserve(market, 500)
    assert entitlement_figures(row) == (1_300, 500, -1_300, 25_977_385)
    # ⌊25,977,385·333 ÷ 1,300⌋ = 6,654,207, half of it (down) held back; ⌊38,980·333 ÷ 1,300⌋ = 9,984
    assert draw(parts, 333) == Drawn(6_664_191, 9_984, 3_327_104, 3_327_103)
    assert entitlement_figures(row) == (967, 0, -967, 19_323_178)
    assert books.changes() == {
        "earnings": 3_327_104,
        "hold_back": 3_327_103,
        "deferred_fees": -9_984,
        "insurance": 1_232,
        "public_access": 542,
        "fee_income": 8_210,
    }
    # ⌊N·650 ÷ Q⌋ − ⌊N·333 ÷ Q⌋ = 12,988,692 − 6,654,207, ⌊F·650 ÷ Q⌋ − 9,984 = 19,490 − 9,984
    assert draw(reserve(market, 317), 317) == Drawn(6_343_991, 9_506, 3_167_243, 3_167_242)
    assert entitlement_figures(row) == (650, 0, -650, 12_988_693)


def test_spot_that_ends_half_used_pays_provider_and_buyer_by_the_rule(exchange):
    drain()  # what other tests have left on its way
    market, row = half_used()
    books = Books(market)
    # R = 12,988,693: ⌊R·0.987654⌋ = 12,828,334; fee left 19,490: ⌊19,490·0.987654⌋ = 19,249
    assert expire(row) == ExpirySplit(12_828_334, 19_249, 160_600, 650)
    assert entitlement_figures(row) == (0, 0, 0, 0)
    assert books.changes() == {
        "earnings": 6_414_167,
        "hold_back": 6_414_167,
        "deferred_fees": -19_490,
        "insurance": 2_376,
        "public_access": 1_045,
        "fee_income": 15_828,
        "transit": 160_600,
    }
    drain()
    changes = books.changes()
    assert (changes["buyer_wallet"], "transit" in changes) == (160_600, False)


def test_idle_that_ends_half_used_pays_all_to_the_buyer(exchange):
    market, row = half_used(delivery="idle")
    books = Books(market)
    assert expire(row) == ExpirySplit(0, 0, 13_008_183, 650)
    assert entitlement_figures(row) == (0, 0, 0, 0)
    drain()
    assert books.changes() == {"buyer_wallet": 13_008_183, "deferred_fees": -19_490}


@pytest.mark.parametrize(
    ("availability_ppm", "provider", "earned", "buyer"),
    [(1_000_000, 12_988_693, 19_490, 0), (0, 0, 0, 13_008_183)],
)
def test_full_and_no_availability(exchange, availability_ppm, provider, earned, buyer):
    _, row = half_used()
    assert expire(row, availability_ppm) == ExpirySplit(provider, earned, buyer, 650)


def test_used_up_entitlement_ends_without_an_entry(exchange):
    market = make_market(**FEES)
    row = buy(market)
    draw(reserve(market, 1_300), 1_300)
    books = Books(market)
    assert expire(row) == ExpirySplit(0, 0, 0, 0)
    assert Entitlement.objects.get(id=row.id).state == "expired"
    assert books.changes() == {}


def test_nothing_ends_before_its_time_or_while_a_job_runs(exchange):
    market, row = half_used()
    early = row.ends_at - timedelta(microseconds=1)
    parts = reserve(market, 100, now=early)
    books = Books(market)
    for now in (early, row.ends_at + timedelta(hours=1)):
        assert (
            entitlement_expire(entitlement_id=row.id, availability_ppm=1_000_000, hold_back_ppm=0, now=now)
            is None
        )
    assert books.changes() == {}
    assert entitlement_figures(row) == (650, 100, -650, 12_988_693)
    # The job that was reserved within the window is settled after it; then the entitlement can end.
    draw(parts, 99)
    split = expire(row)
    assert split is not None
    assert split.unused_ucu == 551


def test_ending_it_eight_times_at_once_and_again_ends_it_once(exchange):
    market, row = half_used()
    books = Books(market)
    results = at_once([lambda: expire(row)] * 8)
    assert [split for split in results if split is not None] == [
        ExpirySplit(12_828_334, 19_249, 160_600, 650)
    ]
    assert expire(row) is None
    sent = OutboxMessage.objects.filter(topic="wallet.fund", payload__key=f"expire:{row.id}")
    assert sent.count() == 1
    drain()
    drain()
    assert books.changes()["buyer_wallet"] == 160_600


def test_reserving_settling_releasing_and_ending_at_once_never_deadlock(exchange):
    market = make_market(**FEES, window_s=1_200)
    for _ in range(3):
        rows = [buy(market, 1_999, 1) for _ in range(4)]
        one, other = reserve(market, 150), reserve(market, 150)
        results = at_once(
            [lambda parts=parts: draw(parts, 7) for parts in (one, other)]
            + [lambda: release_and_reserve(market)] * 4
            + [lambda row=row: expire(row) for row in rows]
        )
        refused = {error.code for error in results if isinstance(error, CuxError)}
        assert refused <= {Code.INSUFFICIENT_ENTITLEMENT}
        for row in rows:
            expire(row)
            assert entitlement_figures(row) == (0, 0, 0, 0)


@transaction.atomic
def release_and_reserve(market) -> None:
    """Do what a moving job does: give parts back and reserve others in one transaction."""
    parts = reserve(market, 10)
    release(parts)
    again = reserve(market, 120)
    release(again)


def test_a_job_settles_once(exchange):
    market = make_market(**FEES)
    row = buy(market)
    parts = reserve(market, 100)
    draw(parts, 60)
    books = Books(market)
    before = entitlement_figures(row)
    assert refusal_of(lambda: draw(parts, 60)) is Code.HOLD_NOT_COVERING
    assert refusal_of(lambda: draw(parts, 0)) is Code.HOLD_NOT_COVERING
    assert (books.changes(), entitlement_figures(row)) == ({}, before)


@pytest.mark.parametrize("used_ucu", [-1, 101])
def test_more_than_reserved_is_not_drawn(exchange, used_ucu):
    market = make_market(**FEES)
    row = buy(market)
    parts = reserve(market, 100)
    with pytest.raises(ValueError, match="Expected 0 to what is reserved"):
        draw(parts, used_ucu)
    assert entitlement_figures(row) == (1_300, 100, -1_300, 25_977_385)


def test_a_job_over_two_entitlements_draws_the_first_to_expire_first(exchange):
    market = make_market(**FEES)
    first, second = buy(market, 1_999, 1), buy(market, 2_003, 2)
    books = Books(market)
    parts = reserve(market, 150)
    assert [(part.entitlement_id, part.amount_ucu) for part in parts] == [(first.id, 100), (second.id, 50)]
    # first: N = 1,999,000 − 740, F = 2,259 + 740; second: N = 4,006,000 − 1,482, F = 4,527 + 1,482, 7 of 200
    assert draw(parts, 107) == Drawn(1_998_260 + 2_999 + 140_158 + 210, 3_209, 1_069_209, 1_069_209)
    assert entitlement_figures(first) == (0, 0, 0, 0)
    assert entitlement_figures(second) == (193, 0, -193, 3_864_360)
    assert books.changes()["earnings"] == 1_069_209
