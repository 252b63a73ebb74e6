"""The market page's private part: an organisation's money, orders, compute and jobs."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Organisation
from billing.selectors.balances import OrganisationBalance, organisation_balance
from core.ids import parse_public_id, public_id
from cux.wire.orders import EntitlementView, JobView, OrderView
from exchange.models import Instrument
from exchange.selectors.entitlements import entitlement_list
from exchange.selectors.instruments import instrument_list
from exchange.selectors.orders import order_list
from inference.selectors.jobs import job_list
from web.figures import of_lot_per_cu, usd_per_cu

OPEN_ORDERS = 200
JOBS = 5


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order with its limit and what it traded at, in dollars per CU; a market order has no limit."""

    order: OrderView
    usd_per_cu: str | None
    average_usd_per_cu: str | None


@dataclass(frozen=True, slots=True)
class EntitlementRow:
    """An entitlement with its provider's name, its window's end, and what of it is drawn, in percent."""

    entitlement: EntitlementView
    provider: str
    ends_at: datetime
    drawn_percent: int

    @property
    def undrawn_ucu(self) -> int:
        """Return what no job has used yet and nobody was sold."""
        return self.entitlement.reserved_ucu + self.entitlement.available_ucu


@dataclass(frozen=True, slots=True)
class AccountPanels:
    """What an organisation sees beside the market."""

    balance: OrganisationBalance
    entitlements: list[EntitlementRow]
    jobs: list[JobView]

    @property
    def available_nano_usd(self) -> int:
        """Return what can be traded with."""
        return self.balance.wallet_posted - self.balance.wallet_held

    @property
    def arriving_nano_usd(self) -> int:
        """Return what is on its way to the wallet."""
        return self.balance.funding + self.balance.transit


def account_panels(organisation_id: uuid.UUID) -> AccountPanels:
    """Return an organisation's money, live entitlements and newest jobs."""
    return AccountPanels(
        balance=organisation_balance(organisation_id),
        entitlements=_entitlements(organisation_id),
        jobs=job_list(organisation_id=organisation_id, limit=JOBS),
    )


def open_orders(organisation_id: uuid.UUID) -> list[OrderRow]:
    """Return an organisation's open orders on all instruments, newest first."""
    return priced(order_list(organisation_id=organisation_id, open_only=True, limit=OPEN_ORDERS))


def priced(orders: list[OrderView]) -> list[OrderRow]:
    """Return orders with their limits and averages in dollars."""
    instruments: dict[str, Instrument] = {known.symbol: known for known in instrument_list()}
    return [_priced(order, instruments[order.instrument]) for order in orders]


def _priced(order: OrderView, instrument: Instrument) -> OrderRow:
    limit, average = order.price_ticks, order.avg_price_nano_usd_per_lot
    return OrderRow(
        order,
        usd_per_cu=None if limit is None else usd_per_cu(instrument, limit),
        average_usd_per_cu=None if average is None else of_lot_per_cu(instrument, average),
    )


def _entitlements(organisation_id: uuid.UUID) -> list[EntitlementRow]:
    views = entitlement_list(organisation_id=organisation_id, live_only=True)
    names = organisation_names({view.provider_id for view in views})
    return [
        EntitlementRow(
            entitlement=view,
            provider=names[view.provider_id],
            ends_at=datetime.fromisoformat(view.expires_at),
            drawn_percent=100 * view.used_ucu // view.quantity_ucu,
        )
        for view in views
    ]


def organisation_names(public_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of organisations by their public ids."""
    ids = [id for text in public_ids if (id := parse_public_id("organisation", text))]
    rows = Organisation.objects.filter(id__in=ids)
    return {public_id("organisation", row.id): row.name for row in rows}
