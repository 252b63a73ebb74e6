"""Compare the books with Stripe's balance and movements, and keep what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from billing import stripe_gateway as gateway
from billing.ledger.chart import Kind, of_house
from billing.ledger.posting import JournalEntry, Leg
from billing.models import Reconciliation
from billing.rules.reconciliation import Comparison, Movement, Posted, balance_sheet, compare
from billing.selectors.stripe_books import (
    GRACE,
    OWN_MOVES,
    clearing_entries,
    entry_keys,
    own_key,
    payouts_in_transit,
    posted_by_kind,
)
from billing.services.ledger_post import ledger_post
from billing.services.transfers_undone import transfers_undone
from core.money import NANO_PER_CENT
from core.retry import transact
from core.snapshots import one_snapshot

log = structlog.get_logger(__name__)

OVERLAP: Final = timedelta(hours=1)
"""How far before the last clean comparison entries are looked at again; movements for a day more."""
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class _AtStripe:
    """What Stripe said, with nothing moving while it was asked."""

    nano_usd: int
    movements: Sequence[gateway.BalanceTransaction]


def stripe_reconcile(*, now: datetime, since: datetime | None = None) -> Reconciliation:
    """This function will compare the books with Stripe's, and write the result.

    It goes back to `since`, or else to the last comparison in which all agreed. What the house moved itself
    (its own payouts, top-ups, Stripe's fees for itself) is booked first. Then: each movement has one entry of
    its amount, and each entry its movement, but for transfers that nothing here knows and that came back
    whole; Stripe's balance, pending included, is −clearing; what is in transit are open payouts; assets are
    liabilities and equity. No transaction may be open: Stripe is asked.

    Raises:
        Unavailable, Refused, Misconfigured: Stripe did not say.
    """
    since = since or _last_clean()
    at_stripe = _read(since - timedelta(days=1) if since is not None else None)
    _book_own_moves(at_stripe.movements, now)
    with one_snapshot():
        keys = entry_keys(at_stripe.movements)
        found = clearing_entries(keys.values(), since)
        posted = posted_by_kind()
        open_payouts = payouts_in_transit()
    entries = {key: Posted(net, now - booked_at < GRACE) for key, (net, booked_at) in found.items()}
    booked = [key for key, (_, booked_at) in found.items() if since is None or booked_at >= since]
    undone = transfers_undone([moved for moved in at_stripe.movements if moved.id not in keys])
    movements = [
        _movement(moved, keys.get(moved.id), undone.get(moved.id), now) for moved in at_stripe.movements
    ]
    compared = compare(movements, entries, booked)
    sheet, unbalanced = balance_sheet(at_stripe.nano_usd - compared.waiting, posted)
    breaks = [*compared.breaks, *_sums(at_stripe, compared, posted, open_payouts, unbalanced)]
    for broken in breaks:
        log.error("stripe_books_break", broken=broken)
    return Reconciliation.objects.create(
        since=since,
        read_at=now,
        stripe_nano_usd=at_stripe.nano_usd,
        ledger_nano_usd=-posted.get(Kind.STRIPE_CLEARING.value, 0),
        waiting_nano_usd=compared.waiting,
        movements=len(movements),
        breaks=breaks,
        undone=list(compared.undone),
        figures=sheet,
    )


def stripe_reconcile_daily(*, now: datetime) -> bool:
    """This function will compare the books with Stripe's once a UTC day; return whether it did now."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if Reconciliation.objects.filter(read_at__gte=midnight).exists():
        return False
    stripe_reconcile(now=now)
    return True


def _last_clean() -> datetime | None:
    last = Reconciliation.objects.filter(breaks=[]).order_by("-id").first()
    return last.read_at - OVERLAP if last is not None else None


def _read(since: datetime | None) -> _AtStripe:
    """Ask for balance and movements until the balance is the same before and after."""
    for _ in range(_TRIES):
        before = gateway.balance_get()
        movements = list(gateway.balance_transactions_list(since=since))
        if gateway.balance_get() == before:
            break
    cents = before.available_cents + before.pending_cents
    return _AtStripe(cents * NANO_PER_CENT, movements)


def _book_own_moves(movements: Sequence[gateway.BalanceTransaction], now: datetime) -> None:
    clearing = of_house(Kind.STRIPE_CLEARING)
    for moved in movements:
        net = moved.net_cents * NANO_PER_CENT
        if moved.type in OWN_MOVES and net:
            other = of_house(OWN_MOVES[moved.type])
            leg = Leg(clearing, other, net) if net > 0 else Leg(other, clearing, -net)
            at = moved.created_at or now
            entry = JournalEntry(own_key(moved), "stripe_move", (leg,), at, ref=moved.source_id or "")
            transact(partial(ledger_post, entries=[entry], now=now))


def _movement(
    moved: gateway.BalanceTransaction, key: str | None, undone: str | None, now: datetime
) -> Movement:
    return Movement(
        id=moved.id,
        type=moved.type,
        source_id=moved.source_id or "",
        net=moved.net_cents * NANO_PER_CENT,
        key=key,
        is_young=moved.created_at is None or now - moved.created_at < GRACE,
        undone=undone,
    )


def _sums(
    at_stripe: _AtStripe, compared: Comparison, posted: dict[str, int], open_payouts: int, unbalanced: int
) -> list[str]:
    """Return the sums that do not agree."""
    ledger = -posted.get(Kind.STRIPE_CLEARING.value, 0)
    in_transit = posted.get(Kind.PAYOUTS_IN_TRANSIT.value, 0)
    breaks = []
    if at_stripe.nano_usd != ledger + compared.waiting:
        said = f"Stripe has {at_stripe.nano_usd}, the books {ledger}, and {compared.waiting} is on its way"
        breaks.append(said)
    if in_transit != open_payouts:
        breaks.append(f"in transit are {in_transit}, open payouts {open_payouts}")
    if unbalanced:
        breaks.append(f"assets are {unbalanced} more than liabilities and equity")
    return breaks
