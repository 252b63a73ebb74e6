"""Paper money over REST: on a test market alone, and once for each key."""

import httpx
import pytest

from accounts.services import api_key_create
from billing.selectors.balances import organisation_balance
from core.errors import Code
from tests import builders
from tests.integration.api.conftest import bearer, web_process
from tests.integration.api.test_errors import assert_error

ASKED = {"amount_nano_usd": 5_000}


def test_a_test_market_gives_paper_money_and_refuses_live_keys(db, settings):
    who = builders.organisation()
    live = api_key_create(organisation_id=who.id, name="k", scopes=["trade"])
    settings.MARKET_MODE = "test"
    test = api_key_create(organisation_id=who.id, name="k", scopes=["trade"])
    with web_process(MARKET_MODE="test") as url:
        path = f"{url}/v1/test/funds"
        for _ in range(2):
            answer = httpx.post(path, json=ASKED, headers=bearer(test.secret) | {"Idempotency-Key": "once"})
            assert (answer.status_code, answer.json()) == (202, ASKED)
        assert_error(httpx.post(path, json=ASKED, headers=bearer(live.secret)), Code.OTHER_MARKET_MODE)
    balance = organisation_balance(who.id)
    assert (balance.funding, balance.transit) == (0, 5_000)


@pytest.mark.parametrize("body", [{}, {"amount_nano_usd": 0}, {"amount_nano_usd": "1"}])
def test_the_live_market_gives_none(exchange, buyer, key_of, body):
    headers = bearer(key_of(buyer, "trade").secret)
    before = organisation_balance(buyer.id)
    assert_error(exchange.post("/v1/test/funds", json=ASKED, headers=headers), Code.TEST_MARKET_ONLY)
    assert exchange.post("/v1/test/funds", json=body, headers=headers).status_code == 400
    assert organisation_balance(buyer.id) == before
