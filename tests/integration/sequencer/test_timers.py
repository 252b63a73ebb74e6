"""The timer of a real sequencer: it acts with nobody asking."""

from django.utils.timezone import now

from exchange.models import Command, DeadMan, Order
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetDeadMan
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
