"""What a buyer's jobs may set aside, and every refusal with its code and nothing moved."""

from datetime import timedelta

import pytest
from django.db import transaction

from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import new_id
from exchange.models import Entitlement
from exchange.selectors.entitlements import entitlement_list
from exchange.services.cover_run import cover_run
from exchange.services.cover_start import cover_start
from exchange.services.entitlement_expire import entitlement_expire
from exchange.services.entitlement_reserve import DRAW_RETRY_S
from tests import builders
from tests.integration.contract.books import (
    Books,
    another_seller,
    at_once,
    buy,
    draw,
    entitlement_figures,
    refusal_of,
    release,
    reserve,
)
from tests.sequencer_market import make_market

TWENTY_MINUTES = {"window_s": 1_200}
"""The window in which the draw limit ⌊4·Q·300 ÷ 1,200⌋ is Q itself."""


def test_too_little_is_refused(exchange):
    market = make_market()
    row = buy(market, 2_000, 2)
    books, before = Books(market), entitlement_figures(row)
    assert refusal_of(lambda: reserve(market, 201)) is Code.INSUFFICIENT_ENTITLEMENT
    assert refusal_of(lambda: reserve(market, 1, builders.organisation())) is Code.DEPENDENCY_UNAVAILABLE
    assert (books.changes(), entitlement_figures(row)) == ({}, before)
    assert [part.amount_ucu for part in reserve(market, 200)] == [200]


def test_buyer_without_any_is_refused(exchange):
    assert refusal_of(lambda: reserve(make_market(), 1)) is Code.INSUFFICIENT_ENTITLEMENT


def test_two_providers_together_do_not_serve_one_job(exchange):
    market = make_market()
    other = another_seller(market)
    rows = [buy(market, 2_000, 2), buy(market, 2_000, 2, other)]
    code = refusal_of(lambda: reserve(market, 201, market.seller, other))
    assert code is Code.INSUFFICIENT_ENTITLEMENT
    assert [entitlement_figures(row)[:2] for row in rows] == [(200, 0), (200, 0)]


def test_the_first_of_the_ready_providers_with_enough_serves(exchange):
    market = make_market()
    other = another_seller(market)
    small, large = buy(market, 2_000, 1), buy(market, 2_000, 2, other)
    (part,) = reserve(market, 150, market.seller, other)
    assert part.entitlement_id == large.id
    (part,) = reserve(market, 50, market.seller, other)
    assert part.entitlement_id == small.id


def test_ended_window_is_refused_with_its_own_code(exchange):
    market = make_market()
    row = buy(market, 2_000, 2)
    before = entitlement_figures(row)
    last = row.ends_at - timedelta(microseconds=1)
    assert refusal_of(lambda: reserve(market, 200, now=row.ends_at)) is Code.ENTITLEMENT_EXPIRED
    assert refusal_of(lambda: reserve(market, 201, now=row.ends_at)) is Code.INSUFFICIENT_ENTITLEMENT
    assert entitlement_figures(row) == before
    assert reserve(market, 200, now=last)


def test_what_ended_is_passed_over_between_two_that_live(exchange):
    market = make_market(**TWENTY_MINUTES)
    rows = [buy(market, 2_000, 1) for _ in range(3)]
    now = utc_now()
    type(rows[1]).objects.filter(id=rows[1].id).update(ends_at=now)
    parts = reserve(market, 150, now=now)
    assert [(part.entitlement_id, part.amount_ucu) for part in parts] == [(rows[0].id, 100), (rows[2].id, 50)]
    assert entitlement_figures(rows[1])[1] == 0
    assert refusal_of(lambda: reserve(market, 51, now=now)) is Code.INSUFFICIENT_ENTITLEMENT


def test_the_draw_limit_is_exact(exchange):
    # ⌊4·700·300 ÷ 86,400⌋ = ⌊9.72⌋ = 9 µCU together; the first job may be of any size.
    market = make_market()
    row = buy(market, 2_000, 7)
    first = reserve(market, 4)
    with pytest.raises(CuxError) as refused:
        reserve(market, 6)
    assert (refused.value.code, refused.value.retry_after_s) == (Code.DRAW_LIMIT, DRAW_RETRY_S)
    assert entitlement_figures(row)[:2] == (700, 4)
    second = reserve(market, 5)
    assert refusal_of(lambda: reserve(market, 1)) is Code.DRAW_LIMIT
    for parts in (first, second):
        release(parts)
    assert entitlement_figures(row)[:2] == (700, 0)
    assert reserve(market, 700)


def test_a_job_running_on_an_ended_window_counts_as_one_at_a_time(exchange):
    market = make_market()
    ended, row = buy(market, 2_000, 1), buy(market, 2_000, 7)
    running = reserve(market, 50)
    assert running[0].entitlement_id == ended.id
    now = utc_now()
    type(ended).objects.filter(id=ended.id).update(ends_at=now)
    assert refusal_of(lambda: reserve(market, 100, now=now)) is Code.DRAW_LIMIT
    draw(running, 50)
    assert reserve(market, 100, now=now)[0].entitlement_id == row.id


def test_sixteen_reservations_at_once_never_exceed_the_entitlement(exchange):
    market = make_market(**TWENTY_MINUTES)
    row = buy(market, 2_000, 10)
    results = at_once([lambda: reserve(market, 99)] * 16)
    placed = [parts for parts in results if isinstance(parts, tuple)]
    refused = [error.code for error in results if isinstance(error, CuxError)]
    assert (len(placed), refused) == (10, [Code.INSUFFICIENT_ENTITLEMENT] * 6)
    assert entitlement_figures(row)[:2] == (1_000, 990)


def test_the_draw_limit_holds_for_sixteen_at_once(exchange):
    market = make_market()
    row = buy(market, 2_000, 720)  # ⌊4·72,000·300 ÷ 86,400⌋ = 1,000
    results = at_once([lambda: reserve(market, 300)] * 16)
    assert len([parts for parts in results if isinstance(parts, tuple)]) == 3
    assert {error.code for error in results if isinstance(error, CuxError)} == {Code.DRAW_LIMIT}
    assert entitlement_figures(row)[:2] == (72_000, 900)


def test_a_released_part_is_not_released_twice(exchange):
    market = make_market()
    row = buy(market, 2_000, 1)
    parts = reserve(market, 60)
    release(parts)
    assert refusal_of(lambda: release(parts)) is Code.HOLD_NOT_COVERING
    assert entitlement_figures(row)[:2] == (100, 0)


def test_what_went_back_is_neither_used_nor_available(exchange):
    market = make_market(**TWENTY_MINUTES)
    row = buy(market, 2_000, 3)
    draw(reserve(market, 120), 70)
    parts = reserve(market, 80)
    with transaction.atomic():
        (cover,) = cover_start(job_id=new_id(), parts=parts, now=utc_now())
    (view,) = entitlement_list(organisation_id=market.buyer.id)
    assert (view.used_ucu, view.reserved_ucu, view.available_ucu) == (70, 0, 150)
    builders.house()
    assert cover_run(cover_id=cover.id, now=cover.ends_by) == "returned"
    entitlement_expire(entitlement_id=row.id, availability_ppm=0, hold_back_ppm=0, now=row.ends_at)
    (view,) = entitlement_list(organisation_id=market.buyer.id)
    assert (view.status, view.used_ucu, view.reserved_ucu, view.available_ucu) == ("expired", 70, 0, 0)
    assert view.escrow_nano_usd == 0


def test_the_list_shows_what_is_used_reserved_and_left(exchange):
    market = make_market(**TWENTY_MINUTES)
    buy(market, 2_000, 3)
    draw(reserve(market, 120), 70)
    reserve(market, 80)
    (view,) = entitlement_list(organisation_id=market.buyer.id)
    assert (view.quantity_ucu, view.used_ucu, view.reserved_ucu, view.available_ucu) == (300, 70, 80, 150)
    assert view.escrow_nano_usd == 4_600_000


def test_the_list_begins_with_what_can_be_drawn(exchange):
    market = make_market(**TWENTY_MINUTES)
    for _ in range(3):
        buy(market, 2_000, 1)
    first, second, third = Entitlement.objects.filter(instrument=market.instrument).order_by("ends_at")
    for row in (first, second):
        entitlement_expire(entitlement_id=row.id, availability_ppm=0, hold_back_ppm=0, now=row.ends_at)
    listed = entitlement_list(organisation_id=market.buyer.id, limit=2)
    assert [view.entitlement_id for view in listed] == [f"ent_{third.id.hex}", f"ent_{second.id.hex}"]
