"""What the OpenAPI file says is what a running exchange answers, to requests made from the file itself.

Schemathesis makes them: valid ones, ones that break the schema, and boundary values. None may fail on our
side, be answered in a way that is not documented, or be accepted though the file forbids it. Half of them
name what exists. SCHEMATHESIS_EXAMPLES asks for more random ones of each operation.
"""

import os
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from pytest_django.plugin import DjangoDbBlocker
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.services import api_key_create
from core.ids import public_id
from tests import builders
from tests.environment import ROOT
from tests.integration.api.conftest import bearer, web_process
from tests.sequencer_market import Market, make_market
from tests.sequencer_process import sequencer
from tests.stripe import StripeDouble

EXAMPLES: Final = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "4"))
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
STREAMS: Final = ("/v1/stream/account", "/v1/stream/market/{symbol}")
"""They have no end, so that only how they begin is compared."""
FRAME: Final = {"transfer-encoding", "content-length", "connection", "upgrade", "expect", "te", "trailer"}
real: dict[str, str] = {}
"""What exists, by the name of the field or parameter that can say it."""

schema = schemathesis.openapi.from_path(ROOT / "docs" / "openapi.yaml")


def _name_what_exists(said: Any) -> Any:
    """Replace every other name by one of something that exists, unless it is meant to be none at all."""
    if not isinstance(said, dict):
        return said
    return {
        name: real[name] if name in real and _is_name(value) and len(value) % 2 else value
        for name, value in said.items()
    }


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", value) is not None


@schema.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """Make requests about what exists."""
    return _name_what_exists(path_parameters)


@schema.hook
def map_query(context: Any, query: Any) -> Any:
    """Make requests about what exists."""
    return _name_what_exists(query)


@schema.hook
def map_headers(context: Any, headers: Any) -> Any:
    """Leave the frame of a message as it is: a server refuses a broken one before any address is asked."""
    if not isinstance(headers, dict):
        return headers
    return {name: value for name, value in headers.items() if name.lower() not in FRAME}


@schema.hook
def map_body(context: Any, body: Any) -> Any:
    """Make requests about what exists; operators stop another instrument than the one that is traded."""
    named = _name_what_exists(body)
    is_operators = "/operator/" in context.operation.path
    if isinstance(named, dict) and is_operators and named.get("instrument") == real["instrument"]:
        named["instrument"] = real["operated"]
    return named


@pytest.fixture(scope="module")
def market(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Market]:
    """Run a sequencer and yield a market with a trade and an open order."""
    with django_db_blocker.unblock(), sequencer():
        market = make_market()
        market.sell(2_000, 5)
        order = market.buy(2_000, 7, client_order_id="mine").body
        symbol = market.instrument.symbol
        real.update(
            symbol=symbol,
            instrument=symbol,
            order_id=order["order_id"],
            client_order_id="mine",
            trade_id=order["trades"][0]["trade_id"],
            organisation_id=public_id("organisation", builders.organisation("blocked").id),
            operated=make_market().instrument.symbol,
        )
        yield market


@pytest.fixture(scope="module")
def url(market: Market, double: StripeDouble) -> Iterator[str]:
    """Run a web process that does not mind how often it is asked."""
    with web_process(CUX_REQUEST_LIMIT="1000000", STRIPE_API_BASE=double.url) as url:
        yield url


@pytest.fixture(scope="module")
def keys(market: Market) -> dict[str, dict[str, str]]:
    """Return the headers of a trader and of an operator."""
    scopes = ("read", "trade", "infer", "provide", "withdraw", "keys")
    trader = api_key_create(organisation_id=market.buyer.id, name="k", scopes=scopes, order_limit=10**6)
    operator = api_key_create(organisation_id=builders.house().id, name="o", scopes=["operate"])
    return {"trader": bearer(trader.secret), "operator": bearer(operator.secret)}


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="SCHEMATHESIS_EXAMPLES"
    not in os.environ,  # the same few always; who asks for more gets others
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_documented(
    case: schemathesis.Case, url: str, keys: dict[str, dict[str, str]]
) -> None:
    headers = keys["operator" if case.path.startswith("/v1/operator/") else "trader"]
    if case.path not in STREAMS:
        case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=10)
        return
    with requests.request(
        **case.as_transport_kwargs(base_url=url, headers=headers), stream=True, timeout=10
    ) as answer:
        expected = "text/event-stream" if answer.status_code == 200 else "application/json"
        assert answer.status_code < 500
        assert answer.headers["content-type"].startswith(expected)


def test_the_streams_are_all_that_is_looked_at_only_as_it_begins() -> None:
    endless = {path for path in schema.raw_schema["paths"] if "/stream/" in path}
    assert endless == set(STREAMS)
