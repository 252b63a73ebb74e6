"""The closed lists agree wherever they stand: wire, models, engine and the OpenAPI file."""

from typing import Any, get_args

import pytest
import yaml

from accounts.models import ApiKey
from core.errors import Code, ErrorType
from cux.wire import keys, market, orders
from exchange.engine import orders as engine
from exchange.models import Auction, Entitlement, Instrument, Order
from exchange.selectors.candles import INTERVALS_S
from exchange.sequencer import facts
from tests.environment import ROOT

SCHEMAS = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())["components"]["schemas"]
ENTITLEMENT = orders.EntitlementView.__annotations__["status"]


def enum_of(schema: str, *path: str) -> set[Any]:
    """Return the values that the OpenAPI file allows at a property; null is left out."""
    found = SCHEMAS[schema]
    for name in path:
        found = found["properties"][name] if "properties" in found else found[name]
    options = found.get("anyOf", [found])
    return {
        value for option in options for value in option.get("enum", option.get("items", {}).get("enum", ()))
    }


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (get_args(orders.OrderStatus), [*Order.Status.values, "partially_filled"]),
        (get_args(orders.TimeInForce), get_args(facts.TimeInForce)),
        (get_args(orders.SelfTradePrevention), get_args(engine.StpMode)),
        (get_args(orders.OrderType), get_args(engine.OrderType)),
        (get_args(orders.Side), get_args(engine.Side)),
        (get_args(orders.Phase), get_args(engine.Phase)),
        (get_args(orders.Phase), Instrument.Phase.values),
        (get_args(ENTITLEMENT), Entitlement.State.values),
        (get_args(market.AuctionKind), Auction.Kind.values),
        (get_args(market.AuctionState), Auction.State.values),
        (get_args(market.CandleInterval), INTERVALS_S),
        (get_args(keys.Scope), ApiKey.Scope.values),
    ],
    ids=str,
)
def test_the_wire_says_what_the_code_knows(here: Any, there: Any) -> None:
    assert sorted(here) == sorted(there)


@pytest.mark.parametrize(
    ("place", "values"),
    [
        (("OrderView", "status"), get_args(orders.OrderStatus)),
        (("OrderView", "reason"), get_args(orders.EndReason)),
        (("NewOrder", "tif"), get_args(orders.TimeInForce)),
        (("NewOrder", "stp"), get_args(orders.SelfTradePrevention)),
        (("NewOrder", "type"), get_args(orders.OrderType)),
        (("InstrumentView", "phase"), get_args(orders.Phase)),
        (("InstrumentView", "delivery"), Instrument.Delivery.values),
        (("PricedBook", "phase"), get_args(orders.Phase)),
        (("AuctionView", "kind"), get_args(market.AuctionKind)),
        (("AuctionView", "state"), get_args(market.AuctionState)),
        (("EntitlementView", "status"), get_args(ENTITLEMENT)),
        (("NewApiKey", "scopes"), get_args(keys.Scope)),
        (("Error", "error", "code"), [code.wire for code in Code]),
        (("Error", "error", "type"), [kind.value for kind in ErrorType]),
    ],
    ids=str,
)
def test_the_openapi_file_lists_them(place: tuple[str, ...], values: Any) -> None:
    assert enum_of(*place) == set(values)
