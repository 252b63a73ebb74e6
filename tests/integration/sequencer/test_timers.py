"""The timer of a real sequencer: it acts with nobody asking."""

import json

from django.db import connection, transaction
from django.utils.timezone import now

from exchange.models import Command, DeadMan, Order
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetDeadMan, SetPhase
from exchange.sequencer.rebuild import rebuild
from exchange.sequencer.recovery import differing, recovered
from tests.sequencer_market import make_market, wallet
from tests.waiting import eventually


def test_orders_are_canceled_when_nobody_renews(exchange):
    market = make_market()
    market.buy(1_000, 5)
    set_at = now()
    assert submit_sync(SetDeadMan(market.buyer.id, 1)).body["timeout_s"] == 1
    eventually(lambda: Order.objects.get(organisation=market.buyer).status == "canceled")
    order = Order.objects.get(organisation=market.buyer)
    assert order.reason == "dead_man"
    assert (order.updated_at - set_at).total_seconds() >= 1
    assert wallet(market.buyer)[1] == 0
    ran = Command.objects.filter(kind="run_due").latest("sequence")
    assert (ran.key, market.buyer.id.hex in ran.verdict, ran.effects is None) == (None, True, False)
    assert DeadMan.objects.get(organisation=market.buyer).timeout_s == 0


def test_a_switch_that_fires_in_part_is_journaled_with_what_it_did(exchange):
    free, held = make_market(), make_market()
    free.buy(1_000, 5)
    free.order(free.buyer, "buy", 1_000, 5, instrument=held.instrument.symbol)
    submit_sync(SetPhase(held.instrument.symbol, "halted"))
    submit_sync(SetDeadMan(free.buyer.id, 1))
    mine = Order.objects.filter(organisation=free.buyer)
    eventually(lambda: mine.get(instrument=free.instrument).status == "canceled")
    assert mine.get(instrument=held.instrument).status == "open"
    with transaction.atomic():
        connection.ensure_connection()
        books = recovered(connection.connection)
        assert differing(rebuild(connection.connection, now=now()).markets, books) == []
    ran = Command.objects.filter(kind="run_due").latest("sequence")
    assert json.loads(ran.verdict)["body"] == {"done": []}
    assert ran.effects is not None
    submit_sync(SetPhase(held.instrument.symbol, "cancel_only"))
    eventually(lambda: mine.get(instrument=held.instrument).status == "canceled")
