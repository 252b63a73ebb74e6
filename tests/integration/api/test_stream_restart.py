"""An account's stream goes on after everything that served it has been started again."""

import httpx

from exchange.models import AccountEvent
from tests.integration.api.conftest import bearer, web_process
from tests.integration.api.sse import events
from tests.sequencer_market import make_market
from tests.sequencer_process import sequencer

PATH = "/v1/stream/account"


def test_an_account_misses_nothing_over_a_restart_of_web_and_sequencer(servers, db, key_of):
    with sequencer():
        market = make_market()
        key = bearer(key_of(market.buyer).secret)
        with (
            web_process() as url,
            httpx.Client(base_url=url, timeout=10) as http,
            events(http, PATH, key) as stream,
        ):
            seen = int(next(stream).id)
            market.buy(1_990, 1)
            seen += 1
            assert next(stream).id == str(seen)
        market.buy(1_991, 1)
    with sequencer(), web_process() as url, httpx.Client(base_url=url, timeout=10) as http:
        market.buy(1_992, 1)
        with events(http, PATH, key | {"Last-Event-ID": str(seen)}) as stream:
            market.buy(1_993, 1)
            last = AccountEvent.objects.filter(organisation=market.buyer).latest("sequence").sequence
            sent = [next(stream) for _ in range(last - seen)]
    assert [int(one.id) for one in sent] == list(range(seen + 1, last + 1))
    prices = [one.data["order"]["price_ticks"] for one in sent if one.name == "order"]
    assert prices == [1_991, 1_992, 1_993]
