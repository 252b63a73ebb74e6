"""What the tests of resale share: an offer of a holder's, and another buyer."""

from typing import Any

from accounts.models import Organisation
from core.clock import utc_now
from exchange.models import Entitlement
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Fund, Verdict
from exchange.services.entitlement_lodge import Offer
from exchange.services.entitlement_sell import entitlement_sell
from tests import builders
from tests.sequencer_market import SPARE, Market, put_in_transit

WINDOW_S = 3_600
"""What a buyer of the tests asks for: every offer of theirs has longer to go."""


def an_offer(row: Entitlement, price: int, lots: int, *, key: str = "", **other: Any) -> Offer:
    """Return what a holder asks for."""
    key = key or builders.unique("offer")
    return Offer(row.holder_id, row.id, price, lots, other.get("expires_at"), key)


def sell_on(row: Entitlement, price: int, lots: int, **other: Any) -> Verdict:
    """Have a holder offer lots of an entitlement."""
    return entitlement_sell(offer=an_offer(row, price, lots, **other), now=utc_now())


def another_buyer(funds_nano_usd: int = 10_000_000_000) -> Organisation:
    """Make another organisation with money."""
    buyer = builders.organisation("second")
    put_in_transit(buyer, funds_nano_usd + SPARE)
    assert submit_sync(Fund(buyer.id, funds_nano_usd, "funds")).status == 200
    return buyer


def buy_on(market: Market, who: Organisation, price: int, lots: int, window_s: int = WINDOW_S) -> Verdict:
    """Have somebody buy at once what has this long to go."""
    return market.order(who, "buy", price, lots, tif="IOC", min_window_s=window_s)


def holdings(who: Organisation) -> list[Entitlement]:
    """Return an organisation's entitlements, oldest first."""
    rows = Entitlement.objects.filter(holder_id=who.id).select_related("instrument")
    return list(rows.order_by("starts_at", "id"))
