"""An organisation's month: what it was charged, and how its money moved, exact to the nano-dollar.

Everything is counted by when it was booked, so a month that is over does not change any more.
"""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from billing.ledger.chart import PER_ORGANISATION, Kind, of_organisation
from billing.rules.windows import next_month
from billing.selectors.balances_as_of import known_cut
from core.snapshots import one_snapshot

_CHARGES: Final = """
    SELECT kind, model, card_hash, api_key_id, tag, count(*), sum(prompt_tokens), sum(cached_tokens),
        sum(output_tokens), sum(compute_ucu), sum(escrow_nano_usd), sum(fee_nano_usd)
    FROM billing_charge
    WHERE organisation_id = %(organisation)s AND booked_at >= %(start)s AND booked_at < %(end)s
    GROUP BY 1, 2, 3, 4, 5 ORDER BY kind, model, card_hash, api_key_id NULLS FIRST, tag
"""
# Days that are added up, and the transfers that are not yet. Months are whole days.
MONEY: Final = """
    SELECT moved.is_before, moved.entry_kind, a.kind, moved.is_in, sum(moved.amount)
    FROM (
        SELECT account_id, day < (%(start)s AT TIME ZONE 'UTC')::date AS is_before, entry_kind, is_in, amount
        FROM billing_accountday
        WHERE account_id = ANY(%(own)s) AND counter = 'other' AND day < (%(end)s AT TIME ZONE 'UTC')::date
        UNION ALL
        SELECT account_id, booked_at < %(start)s, entry_kind, is_in, amount
        FROM billing_movement
        WHERE account_id = ANY(%(own)s) AND counter = 'other' AND booked_at < %(end)s
            AND xid >= %(known_cut)s AND xid >= (SELECT cut_xid FROM billing_daysrolled)
    ) moved JOIN billing_account a ON a.id = moved.account_id
    GROUP BY 1, 2, 3, 4 ORDER BY 2, 3, 4
"""
_EARNED: Final = (Kind.EARNINGS.value, Kind.HOLD_BACK.value)
_LABELS: Final = {
    ("deposit", "in"): "Paid in",
    ("refund", "out"): "Refunded to the card, with what the card network keeps",
    ("refund_returned", "in"): "Refunds that the bank sent back",
    ("trade", "out"): "Compute bought, with fees",
    ("trade", "in"): "Compute sold on",
    ("expire", "in"): "Returned at expiry: compute that was not available",
    ("expire", "earned"): "Earned: compute kept available (take-or-pay)",
    ("settle", "earned"): "Earned: jobs",
    ("cover_top_up", "out"): "Cover paid from the hold-back",
    ("cover_close", "earned"): "Cover money returned to the hold-back",
    ("credit_note", "in"): "Credited: compute that was not delivered",
    ("service_credit", "in"): "Credited: outages of the exchange",
    ("money_action", "in"): "Credited by the exchange",
    ("bust", "in"): "Trades undone",
    ("bust", "out"): "Trades undone",
    ("payout", "out"): "Paid out",
    ("payout_returned", "earned"): "Payouts that came back",
    ("dispute", "out"): "Payments disputed",
    ("dispute_won", "in"): "Disputes decided for you",
}
"""What people call the movements of an entry's kind: `earned` comes in to earnings and hold-back."""


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """What jobs of one model, card, key and tag cost in the month, or compute that expired unused."""

    kind: str
    model: str
    card_hash: str
    api_key_id: uuid.UUID | None
    tag: str
    count: int
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    compute_ucu: int
    escrow_nano_usd: int
    fee_nano_usd: int

    @property
    def charged_nano_usd(self) -> int:
        """Return provider's part and fee together."""
        return self.escrow_nano_usd + self.fee_nano_usd


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """What came in (> 0) or went out (< 0) by entries of one kind."""

    entry_kind: str
    label: str
    amount_nano_usd: int


@dataclass(frozen=True, slots=True)
class Monthly:
    """A statement. `closing` is `opening` and all money lines; the month is over before `end`."""

    organisation_id: uuid.UUID
    start: datetime
    end: datetime
    charges: tuple[ChargeLine, ...]
    opening_nano_usd: int
    money: tuple[MoneyLine, ...]

    @property
    def escrow_nano_usd(self) -> int:
        """Return what the charges gave providers."""
        return sum(line.escrow_nano_usd for line in self.charges)

    @property
    def fee_nano_usd(self) -> int:
        """Return what the charges earned in fees."""
        return sum(line.fee_nano_usd for line in self.charges)

    @property
    def closing_nano_usd(self) -> int:
        """Return the balance at the end."""
        return self.opening_nano_usd + sum(line.amount_nano_usd for line in self.money)


def monthly_statement(*, organisation_id: uuid.UUID, start: datetime) -> Monthly:
    """Return the statement of the month that begins at `start`, from one snapshot of the database.

    The balance is all of an organisation's money: funding, what is on its way to the wallet, the wallet,
    margin, earnings, hold-back, less what it owes for disputes. Moves between those are no movements.
    """
    own = [of_organisation(kind, organisation_id).id for kind in PER_ORGANISATION]
    end = next_month(start)
    parameters: dict[str, Any] = {
        "organisation": organisation_id,
        "start": start,
        "end": end,
        "own": own,
    }
    with one_snapshot(), connection.cursor() as cursor:
        cursor.execute(_CHARGES, parameters)
        charges = tuple(
            ChargeLine(*row[:5], *(int(figure) for figure in row[5:])) for row in cursor.fetchall()
        )
        cursor.execute(MONEY, {**parameters, "known_cut": known_cut(cursor)})
        opening, money = _money(cursor.fetchall())
    return Monthly(organisation_id, start, end, charges, opening, money)


def _money(rows: list[tuple[Any, ...]]) -> tuple[int, tuple[MoneyLine, ...]]:
    opening = 0
    lines: dict[tuple[str, str], int] = defaultdict(int)
    for is_before, entry_kind, account_kind, is_in, amount in rows:
        if is_before:
            opening += int(amount)
            continue
        way = "out" if not is_in else "earned" if account_kind in _EARNED else "in"
        lines[entry_kind, _LABELS.get((entry_kind, way), entry_kind.replace("_", " ").capitalize())] += int(
            amount
        )
    kept = (MoneyLine(*key, amount) for key, amount in lines.items() if amount)
    return opening, tuple(sorted(kept, key=lambda line: (-line.amount_nano_usd, line.label)))
