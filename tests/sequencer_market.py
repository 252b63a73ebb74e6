"""One market for a test: an instrument, a buyer with money, a seller with capacity."""

import uuid
from dataclasses import dataclass
from typing import Any

from accounts.models import Organisation
from billing.ledger.chart import Kind, of_organisation
from billing.models import Balance, Hold
from billing.services.deposit_record import deposit_record
from billing.services.wallet_move import to_transit
from core.clock import utc_now
from exchange.models import Command, Entitlement, Instrument, Order, Trade
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import CancelOrder, Fund, NewOrder, ReplaceOrder, SetCapacity, Verdict
from tests import builders

LOT_PRICE = 1_000
"""Nano-USD per lot and tick of the builders' instruments."""
SPARE = 1_000_000_000
"""Nano-USD in transit beyond the first funds."""


@dataclass
class Market:
    """What the tests of the sequencer trade on. Prices in ticks, quantities in lots."""

    instrument: Instrument
    buyer: Organisation
    seller: Organisation

    def buy(self, price: int | None, lots: int, **other: Any) -> Verdict:
        """Have the buyer buy."""
        return self.order(self.buyer, "buy", price, lots, **other)

    def sell(self, price: int | None, lots: int, **other: Any) -> Verdict:
        """Have the seller sell."""
        return self.order(self.seller, "sell", price, lots, **other)

    def order(self, who: Organisation, side: Any, price: int | None, lots: int, **other: Any) -> Verdict:
        """Place an order."""
        command = NewOrder(
            organisation_id=who.id,
            instrument=other.pop("instrument", self.instrument.symbol),
            side=side,
            price_ticks=price,
            quantity_lots=lots,
            **other,
        )
        return submit_sync(command)

    def cancel(self, who: Organisation, verdict: Verdict) -> Verdict:
        """Cancel the order that a verdict is about."""
        return submit_sync(CancelOrder(who.id, None, order_id(verdict)))

    def replace(self, who: Organisation, verdict: Verdict, price: int, lots: int) -> Verdict:
        """Give the order that a verdict is about another price and open quantity."""
        return submit_sync(ReplaceOrder(who.id, None, order_id(verdict), price, lots))

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return every row of this market and its two organisations, to compare."""
        both = [self.buyer.id, self.seller.id]
        accounts = [of_organisation(Kind.WALLET, id).id for id in both]
        tables = {
            "orders": Order.objects.filter(organisation_id__in=both),
            "trades": Trade.objects.filter(instrument=self.instrument),
            "entitlements": Entitlement.objects.filter(instrument=self.instrument),
            "wallets": Balance.objects.filter(account_id__in=accounts),
            "holds": Hold.objects.filter(account_id__in=accounts),
            "instrument": Instrument.objects.filter(id=self.instrument.id),
        }
        return {name: list(rows.order_by("pk").values()) for name, rows in tables.items()}


def order_id(verdict: Verdict) -> uuid.UUID:
    """Return the id of the order that a verdict is about."""
    return uuid.UUID(hex=verdict.body["order_id"].removeprefix("ord_"))


def make_market(*, funds_nano_usd: int = 10_000_000_000, rate_ucu_per_s: int = 1_000, **terms: Any) -> Market:
    """Make a market with a funded buyer and a seller of `rate` µCU/s."""
    market = Market(
        builders.instrument(**terms), builders.organisation("buyer"), builders.organisation("seller")
    )
    put_in_transit(market.buyer, funds_nano_usd + SPARE)
    assert submit_sync(Fund(market.buyer.id, funds_nano_usd, "funds")).status == 200
    if rate_ucu_per_s:
        compute_class = market.instrument.compute_class_id
        capacity = SetCapacity(market.seller.id, compute_class, rate_ucu_per_s, 1_000_000)
        assert submit_sync(capacity).status == 200
    return market


def put_in_transit(who: Organisation, amount_nano_usd: int) -> None:
    """Deposit money and send it on its way to the wallet."""
    deposit_record(organisation_id=who.id, amount_nano_usd=amount_nano_usd, key=f"in-{who.id}", now=utc_now())
    to_transit(organisation_id=who.id, amount_nano_usd=amount_nano_usd, key=f"on-{who.id}", now=utc_now())


def wallet(who: Organisation) -> tuple[int, int]:
    """Return posted and held nano-USD of the wallet's row."""
    row = Balance.objects.get(account_id=of_organisation(Kind.WALLET, who.id).id)
    return row.posted, row.held


def journal(who: Organisation) -> list[Command]:
    """Return an organisation's sequenced commands in order."""
    return list(Command.objects.filter(organisation_id=who.id).order_by("sequence"))
