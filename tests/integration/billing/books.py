"""What the ledger tests share: wallets of their own, short ways to post, the whole state of accounts."""

import uuid
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import HoldPlacement, HoldStep, JournalEntry, Leg
from billing.services.ledger_post import PostOutcome, ledger_post

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CASH = of_house(Kind.EXTERNAL_CASH)


def new_key() -> str:
    """Return an idempotency key nobody used."""
    return f"test:{uuid.uuid4()}"


def new_account(kind: Kind = Kind.FUNDING) -> AccountRef:
    """Return an account of a new organisation; the ledger makes it when it is first posted to."""
    return of_organisation(kind, uuid.uuid4())


def entry(*legs: tuple[AccountRef, AccountRef, int], key: str | None = None) -> JournalEntry:
    """Return an entry of (debit, credit, amount) legs under `key`, or a new key."""
    return JournalEntry(key or new_key(), "test", tuple(Leg(*leg) for leg in legs), NOW)


def hold(account: AccountRef, amount: int, expires_at: datetime | None = None) -> HoldPlacement:
    """Return a placement under a new id."""
    return HoldPlacement(uuid.uuid4(), account, amount, "test", "", expires_at)


def post(
    *entries: JournalEntry,
    placements: tuple[HoldPlacement, ...] = (),
    steps: tuple[HoldStep, ...] = (),
    issue_floors: dict[AccountRef, int] | None = None,
) -> list[PostOutcome]:
    """Post one batch in a transaction of its own."""
    with transaction.atomic():
        return ledger_post(
            entries=entries, placements=placements, steps=steps, issue_floors=issue_floors or {}, now=NOW
        )


def funded(amount: int) -> AccountRef:
    """Return a new account with this much in it."""
    account = new_account()
    post(entry((CASH, account, amount)))
    return account


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return what a query returns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def state(*accounts: AccountRef) -> list[tuple[Any, ...]]:
    """Return everything the ledger knows about these accounts: balances, transfers and holds."""
    ids = [account.id for account in accounts]
    return [
        *rows("SELECT * FROM billing_balance WHERE account_id = ANY(%s) ORDER BY 1", ids),
        *rows("SELECT * FROM billing_posting WHERE account_id = ANY(%s) ORDER BY 1", ids),
        *rows("SELECT * FROM billing_hold WHERE account_id = ANY(%s) ORDER BY 1", ids),
    ]


def balance(account: AccountRef) -> tuple[Any, ...]:
    """Return (posted, held) of an account with a limit."""
    return rows("SELECT posted, held FROM billing_balance WHERE account_id = %s", account.id)[0]
