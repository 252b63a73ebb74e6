"""Our balance at Stripe, what moved it, and payouts from a connected account to its bank."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from billing.stripe_gateway.client import options, v1
from billing.stripe_gateway.failures import asking
from billing.stripe_gateway.fields import Fields, given, id_of, metadata_of, moment


@dataclass(frozen=True, slots=True)
class Balance:
    """US dollars at Stripe: what can be sent on, and what will be."""

    available_cents: int
    pending_cents: int


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    """One movement of the balance: `net_cents` = `amount_cents` − `fee_cents`, signed.

    `source_id` is what caused it: a charge, a refund, a dispute, a transfer, a payout.
    """

    id: str
    type: str
    amount_cents: int
    fee_cents: int
    net_cents: int
    source_id: str | None
    created_at: datetime | None
    available_on: datetime | None


@dataclass(frozen=True, slots=True)
class Payout:
    """From an account's Stripe balance to its bank. `status`: `pending`, `in_transit`, `paid`, `failed`, …"""

    id: str
    status: str
    amount_cents: int
    currency: str
    arrives_at: datetime | None
    failure_code: str
    failure_message: str
    metadata: Mapping[str, str]


def balance_get(*, account: str | None = None) -> Balance:
    """Return our balance, or a connected account's. Raises as `asking`."""
    fields = asking(lambda: v1().balance.retrieve({}, options(account=account))).to_dict()
    return Balance(_usd(fields["available"]), _usd(fields["pending"]))


def balance_transactions_list(
    *, since: datetime | None = None, until: datetime | None = None, account: str | None = None
) -> Iterator[BalanceTransaction]:
    """Yield every movement created in [since, until), newest first, page by page. Raises as `asking`."""
    created = given(
        gte=int(since.timestamp()) if since else None, lt=int(until.timestamp()) if until else None
    )
    params = {"limit": 100} | ({"created": created} if created else {})
    page = asking(lambda: v1().balance_transactions.list(params, options(account=account)))
    rows = iter(page.auto_paging_iter())
    while (row := asking(lambda: next(rows, None))) is not None:
        yield balance_transaction(row.to_dict())


def payout_create(*, key: str, account: str, amount_cents: int, metadata: Mapping[str, str]) -> Payout:
    """Pay a connected account's balance out to its bank. Raises as `asking`."""
    params = {"amount": amount_cents, "currency": "usd", "metadata": dict(metadata)}
    return _payout(asking(lambda: v1().payouts.create(params, options(key, account=account))).to_dict())


def payout_get(payout_id: str, *, account: str) -> Payout:
    """Return a connected account's payout as it is now. Raises as `asking`."""
    return _payout(asking(lambda: v1().payouts.retrieve(payout_id, {}, options(account=account))).to_dict())


def payouts_list(*, account: str) -> Iterator[Payout]:
    """Yield all of a connected account's payouts, newest first, page by page. Raises as `asking`."""
    page = asking(lambda: v1().payouts.list({"limit": 100}, options(account=account)))
    rows = iter(page.auto_paging_iter())
    while (row := asking(lambda: next(rows, None))) is not None:
        yield _payout(row.to_dict())


def balance_transaction(fields: Fields) -> BalanceTransaction:
    """Return a movement read from Stripe's fields."""
    return BalanceTransaction(
        id=fields["id"],
        type=fields["type"],
        amount_cents=fields["amount"],
        fee_cents=fields["fee"],
        net_cents=fields["net"],
        source_id=id_of(fields.get("source")),
        created_at=moment(fields.get("created")),
        available_on=moment(fields.get("available_on")),
    )


def _usd(parts: list[Fields]) -> int:
    return sum(part["amount"] for part in parts if part["currency"] == "usd")


def _payout(fields: Fields) -> Payout:
    return Payout(
        id=fields["id"],
        status=fields["status"],
        amount_cents=fields["amount"],
        currency=fields["currency"],
        arrives_at=moment(fields.get("arrival_date")),
        failure_code=fields.get("failure_code") or "",
        failure_message=fields.get("failure_message") or "",
        metadata=metadata_of(fields),
    )
