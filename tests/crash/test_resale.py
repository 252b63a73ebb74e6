"""A sequencer that dies while compute is offered or sold on: it happens once, and nothing is lost."""

import signal

import pytest

from core.clock import utc_now
from core.errors import Code
from exchange.models import Entitlement, Order, Trade
from exchange.services.entitlement_sell import entitlement_sell
from tests.crash.doomed import program
from tests.integration.contract.books import FEES, buy, drain, entitlement_figures, refusal_of
from tests.integration.contract.resale import WINDOW_S, an_offer, another_buyer
from tests.sequencer_market import make_market, wallet
from tests.sequencer_process import inspect, sequencer

each_point = pytest.mark.parametrize("point", ["decided", "committed"])
"""Before anything of the batch is written, and after all of it is, unanswered."""


@each_point
def test_an_offer_cut_off_stands_once(db, point):
    with sequencer(program=program(point, 1, signal.SIGKILL)) as doomed:
        market = make_market(**FEES)
        row = buy(market, 1_999, 13)
        offer = an_offer(row, 2_100, 7)
        doomed.send(signal.SIGUSR1)
        assert refusal_of(lambda: entitlement_sell(offer=offer, now=utc_now())) is Code.SEQUENCER_UNAVAILABLE
        assert doomed.exit_code() == -signal.SIGKILL
    assert Entitlement.objects.get(id=offer.part_id).state == "lodged"
    with sequencer():
        drain()
        assert entitlement_sell(offer=offer, now=utc_now()).status == 201
        assert Order.objects.filter(entitlement_id=offer.part_id).count() == 1
        hashes = inspect()
        assert hashes["state_hash"] == hashes["committed_state_hash"]


@each_point
def test_a_sale_cut_off_pays_once(db, point):
    with sequencer(program=program(point, 1, signal.SIGKILL)) as doomed:
        market, second = make_market(**FEES), another_buyer()
        row = buy(market, 1_999, 13)
        offer = an_offer(row, 2_100, 7)
        assert entitlement_sell(offer=offer, now=utc_now()).status == 201
        before = wallet(market.buyer)[0]

        def sale():
            wish = {"tif": "IOC", "min_window_s": WINDOW_S, "key": "sale"}
            return market.order(second, "buy", 2_100, 3, **wish)

        doomed.send(signal.SIGUSR1)
        assert refusal_of(sale) is Code.SEQUENCER_UNAVAILABLE
        assert doomed.exit_code() == -signal.SIGKILL
    with sequencer():
        assert sale().body["status"] == "filled"
        assert Trade.objects.filter(instrument=market.instrument, is_resale=True).count() == 1
        assert wallet(market.buyer)[0] - before == 6_300_000 - 2_331
        part = Entitlement.objects.select_related("instrument").get(id=offer.part_id)
        assert entitlement_figures(part)[0] == 400
        market.cancel(market.buyer, entitlement_sell(offer=offer, now=utc_now()))
        assert Entitlement.objects.get(id=offer.part_id).state == "live"
        hashes = inspect()
        assert hashes["state_hash"] == hashes["committed_state_hash"]
