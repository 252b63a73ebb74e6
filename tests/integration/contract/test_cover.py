"""Non-delivery: what the buyer had paid buys the same compute elsewhere, or comes back.

The figures are those of `covers`.
"""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction

from accounts.models import Organisation
from core.clock import utc_now
from core.errors import Code
from core.ids import new_id
from core.models import OutboxMessage
from exchange.models import Cover, Entitlement, Order
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetPhase
from exchange.services import cover_run as steps
from exchange.services.cover_run import cover_run
from exchange.services.cover_start import cover_start
from exchange.services.covers_run import covers_run
from tests import builders
from tests.integration.contract.books import (
    another_seller,
    buy,
    entitlement_figures,
    offer,
    refusal_of,
    reserve,
    set_insurance,
)
from tests.integration.contract.covers import (
    HOLD_BACK,
    LEFT,
    SHARES,
    TOP_UP,
    fail,
    take_offers_away_before_buying,
    the_covered,
    the_returned,
)
from tests.sequencer_market import make_market


@pytest.fixture(autouse=True)
def no_other_covers(db):
    """End the covers of jobs that other tests left: `covers_run` counts all that are open."""
    Cover.objects.exclude(state__in=Cover.DONE).update(state=Cover.State.RETURNED)


def test_starting_a_cover_cancels_the_part_and_sets_its_shares_aside(exchange):
    scene = fail()
    assert (scene.cover.escrow_share_nano_usd, scene.cover.fee_share_nano_usd) == (6_654_207, 9_984)
    assert scene.cover.ends_by - scene.cover.started_at == timedelta(seconds=settings.COVER_S)
    assert entitlement_figures(scene.row) == (967, 0, -967, 19_323_178)
    assert scene.books.changes() == {"transit": SHARES, "deferred_fees": -9_984}
    assert OutboxMessage.objects.filter(
        topic="cover.run", payload__cover_id=str(scene.cover.id), sent_at=None
    ).exists()
    scene.end()


def test_dearer_cover_is_paid_from_shares_then_hold_back_then_insurance(exchange):
    scene = fail()
    assert scene.run() == "covered"
    the_covered(scene)
    assert scene.run() == scene.end() == "covered"
    the_covered(scene)


def test_what_hold_back_gave_and_the_order_did_not_need_goes_back_to_it(exchange):
    scene = fail(hold_back=4_000_000)
    assert scene.run() == "covered"
    changes = scene.books.changes()
    assert (changes["hold_back"], "insurance" in changes) == (-TOP_UP + LEFT, False)


def test_cheaper_cover_leaves_the_rest_with_insurance(exchange):
    scene = fail(asks=False)
    offer(scene.market, scene.other, 1_000, 4)
    assert scene.run() == "covered"
    # 4,000,000 + 4,520
    assert scene.books.changes()["insurance"] == SHARES - 4_004_520
    assert "hold_back" not in scene.books.changes()


def test_cover_of_whole_lots_leaves_the_house_nothing(exchange):
    set_insurance(10_000_000)
    builders.house()
    market = make_market()
    other = another_seller(market)
    buy(market, 2_000, 4)
    parts = reserve(market, 300)
    offer(market, other, 2_000, 3)
    with transaction.atomic():
        (cover,) = cover_start(job_id=new_id(), parts=parts, now=utc_now())
    assert cover_run(cover_id=cover.id, now=utc_now()) == "covered"
    (bought,) = Entitlement.objects.filter(provider=other)
    assert (bought.holder_id, bought.quantity_ucu, bought.escrow_nano_usd) == (
        market.buyer.id,
        300,
        6_000_000,
    )


def test_nothing_on_offer_in_time_returns_the_shares_exactly(exchange):
    scene = fail(asks=False)
    assert scene.run() == "open"
    assert scene.run(scene.cover.ends_by - timedelta(microseconds=1)) == "open"
    assert scene.books.changes() == {"transit": SHARES, "deferred_fees": -9_984}
    assert scene.end() == "returned"
    the_returned(scene)
    assert scene.end() == "returned"
    the_returned(scene)


def test_an_offer_far_above_the_usual_price_drains_no_insurance(exchange):
    scene = fail(asks=False)  # the usual price is 1,999, so a lot of cover costs 2,598 at most
    offer(scene.market, scene.other, 2_599, 10)
    assert scene.run() == "open"
    assert scene.books.changes() == {"transit": SHARES, "deferred_fees": -9_984}
    assert scene.end() == "returned"
    the_returned(scene)


def test_a_few_dear_trades_do_not_lift_what_cover_may_cost(exchange):
    scene = fail(asks=False)
    friend = another_seller(scene.market)
    offer(scene.market, friend, 5_000, 1)
    scene.market.buy(5_000, 1, tif="IOC")
    offer(
        scene.market, scene.other, 3_000, 10
    )  # below 5,000 and its premium, above that of (13 · 1,999 + 5,000) ÷ 14
    now = utc_now()
    Cover.objects.filter(id=scene.cover.id).update(started_at=now)
    assert scene.run(now) == "open"
    assert scene.end() == "returned"


def test_an_offer_that_comes_in_time_is_taken(exchange):
    scene = fail(asks=False)
    assert scene.run() == "open"
    offer(scene.market, scene.other, 2_301, 1)
    offer(scene.market, scene.other, 2_503, 10)
    assert scene.run(scene.cover.ends_by - timedelta(seconds=1)) == "covered"
    the_covered(scene)


def test_hold_back_and_insurance_too_small_returns_the_shares(exchange):
    scene = fail(insurance=TOP_UP - HOLD_BACK - 1)
    assert scene.run() == "open"
    assert scene.end() == "returned"
    the_returned(scene)


def test_hold_back_and_insurance_just_enough_covers(exchange):
    scene = fail(insurance=TOP_UP - HOLD_BACK)
    assert scene.run() == "covered"
    the_covered(scene)


def test_too_little_depth_within_the_band_is_no_cover(exchange):
    scene = fail(asks=False, insurance=10**9)
    offer(scene.market, scene.other, 2_000, 3)
    assert scene.run() == "open"
    assert scene.end() == "returned"
    the_returned(scene)


def test_the_failed_providers_own_offers_are_pulled_and_never_bought(exchange):
    scene = fail(asks=False)
    offer(scene.market, scene.market.seller, 1_500, 50)
    assert scene.run() == "open"
    assert not Order.objects.filter(organisation=scene.market.seller, status="open").exists()
    offer(scene.market, scene.market.seller, 1_500, 50)
    offer(scene.market, scene.other, 2_301, 1)
    offer(scene.market, scene.other, 2_503, 10)
    assert scene.run() == "covered"
    the_covered(scene)


def test_what_the_failed_provider_offers_after_pricing_is_not_bought_either(exchange, monkeypatch):
    scene = fail()
    fill = steps.wallet_fill

    def offer_first(cover):
        offer(scene.market, scene.market.seller, 1_500, 4)
        fill(cover)

    monkeypatch.setattr(steps, "wallet_fill", offer_first)
    assert scene.run() == "covered"
    the_covered(scene)


def test_insurance_that_is_gone_since_it_was_looked_at_moves_nothing(exchange, monkeypatch):
    scene = fail()
    sources = steps.top_up_sources

    def spent_meanwhile(missing, **found):
        set_insurance(TOP_UP - HOLD_BACK - 1)
        return sources(missing, **found)

    with monkeypatch.context() as patch:
        patch.setattr(steps, "top_up_sources", spent_meanwhile)
        assert scene.run() == "open"
    set_insurance(10_000_000)
    assert scene.books.changes() == {"transit": SHARES, "deferred_fees": -9_984}
    assert scene.run() == "covered"
    the_covered(scene)


def test_offers_taken_away_after_pricing_give_everybody_theirs_back(exchange, monkeypatch):
    scene = fail()
    take_offers_away_before_buying(lambda: scene, monkeypatch)
    assert scene.run() == "funded"
    assert Cover.objects.get(id=scene.cover.id).attempts == 1
    assert scene.run() == "funded"
    assert scene.end() == "returned"
    the_returned(scene)
    assert scene.sequenced("new") == 3


def test_a_halted_market_gives_everybody_theirs_back(exchange, monkeypatch):
    scene = fail()
    symbol = scene.market.instrument.symbol
    fill = steps.wallet_fill

    def halt_first(cover):
        assert submit_sync(SetPhase(symbol, "halted")).status == 200
        fill(cover)

    monkeypatch.setattr(steps, "wallet_fill", halt_first)
    assert scene.run() == "funded"
    assert scene.end() == "returned"
    the_returned(scene)


def test_an_unreachable_sequencer_leaves_the_cover_to_be_run_again(exchange, settings, tmp_path):
    scene = fail()
    socket = settings.SEQUENCER_SOCKET
    settings.SEQUENCER_SOCKET = str(tmp_path / "nobody")
    assert refusal_of(scene.run) is Code.SEQUENCER_UNAVAILABLE
    assert covers_run(now=scene.cover.started_at) == 0
    settings.SEQUENCER_SOCKET = socket
    assert covers_run(now=scene.cover.started_at) == 1
    the_covered(scene)


def test_without_a_house_the_shares_wait(exchange, monkeypatch):
    scene = fail()

    def missing():
        raise Organisation.DoesNotExist

    with monkeypatch.context() as patch:
        patch.setattr(steps, "house_id", missing)
        with pytest.raises(Organisation.DoesNotExist):
            scene.run()
    assert scene.books.changes() == {"transit": SHARES, "deferred_fees": -9_984}
    assert scene.run() == "covered"
    the_covered(scene)


def test_a_cover_is_not_run_inside_somebodys_transaction(exchange):
    scene = fail()
    with pytest.raises(RuntimeError), transaction.atomic():
        scene.run()
    assert scene.run() == "covered"
    the_covered(scene)


def test_a_job_over_two_entitlements_is_covered_part_by_part(exchange):
    builders.house()
    set_insurance(100_000_000)
    market = make_market(window_s=1_200)
    other = another_seller(market)
    first, second = buy(market, 2_000, 1), buy(market, 2_100, 2)
    parts = reserve(market, 250)
    offer(market, other, 2_200, 10)
    with transaction.atomic():
        covers = cover_start(job_id=new_id(), parts=parts, now=utc_now())
    assert [(c.entitlement_id, c.compute_ucu, c.shares_nano_usd) for c in covers] == [
        (first.id, 100, 2_000_000),
        (second.id, 150, 3_150_000),
    ]
    assert covers_run(now=covers[0].started_at) == 2
    held = Entitlement.objects.filter(provider=other, holder=market.buyer)
    assert sorted(held.values_list("quantity_ucu", flat=True)) == [100, 150]
    assert reserve(market, 250, other)
