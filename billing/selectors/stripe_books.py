"""What our books say of the money at Stripe: the entry of each of its movements, and the sums by kind."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import F, Q, Sum

from billing.ledger.chart import USD, Kind, of_house
from billing.models import Account, Balance, Deposit, Dispute, Payout, Refund
from billing.selectors.balances import balances
from billing.stripe_gateway import BalanceTransaction

GRACE: Final = timedelta(hours=1)
"""How long a movement may wait for its entry: webhooks come late."""
OWN_MOVES: Final = {
    "topup": Kind.EXTERNAL_CASH,
    "topup_reversal": Kind.EXTERNAL_CASH,
    "payout": Kind.EXTERNAL_CASH,
    "payout_cancel": Kind.EXTERNAL_CASH,
    "payout_failure": Kind.EXTERNAL_CASH,
    "stripe_fee": Kind.STRIPE_FEES,
    "network_cost": Kind.STRIPE_FEES,
    "tax_fee": Kind.STRIPE_FEES,
}
"""Movements that the house makes at Stripe itself, or Stripe for itself, and where they come from or go."""
_POSTED: Final = """
    SELECT e.key, -sum(p.amount)::bigint, e.booked_at FROM billing_posting p
    JOIN billing_entry e ON e.id = p.entry_id
    WHERE p.account_id = %(clearing)s AND (e.key = ANY(%(keys)s) OR e.booked_at >= %(since)s)
    GROUP BY e.key, e.booked_at
"""
_ALL_POSTED: Final = _POSTED.replace("(e.key = ANY(%(keys)s) OR e.booked_at >= %(since)s)", "true")


def own_key(movement: BalanceTransaction) -> str:
    """Return the key of the entry for a movement of the house's own."""
    return f"stripe_move:{movement.id}"


def entry_keys(movements: Iterable[BalanceTransaction]) -> dict[str, str]:
    """Return by movement id the key of the entry that has to say so, where we know what it is about."""
    found = list(movements)
    sources = {movement.source_id or "" for movement in found}
    keys = _keys_of_sources(sources)
    named = {}
    for movement in found:
        sign = "in" if movement.net_cents > 0 else "out"
        key = keys.get((movement.source_id or "", sign))
        if movement.type in OWN_MOVES:
            key = own_key(movement)
        if key is not None:
            named[movement.id] = key
    return named


def _keys_of_sources(sources: Collection[str]) -> dict[tuple[str, str], str]:
    """Return by source and direction the key of its entry."""
    keys: dict[tuple[str, str], str] = {}
    for charge, key in Deposit.objects.filter(charge_id__in=sources).values_list("charge_id", "entry__key"):
        keys[charge or "", "in"] = key or ""
    refunds = Refund.objects.filter(stripe_refund_id__in=sources)
    for refund, out, back in refunds.values_list("stripe_refund_id", "entry__key", "return_entry__key"):
        keys |= {(refund or "", "out"): out or "", (refund or "", "in"): back or ""}
    for dispute in Dispute.objects.filter(stripe_dispute_id__in=sources).values_list(
        "stripe_dispute_id", flat=True
    ):
        keys |= {(dispute, "out"): f"dispute:{dispute}", (dispute, "in"): f"dispute_won:{dispute}"}
    moved = Payout.objects.filter(Q(transfer_id__in=sources) | Q(reversal_id__in=sources))
    for row in moved:
        keys[row.transfer_id or "", "out"] = f"payout_sent:{row.id}"
        came_as = "payout_reversed" if row.reversed_at else "payout_returned"
        keys[row.reversal_id or "", "in"] = f"{came_as}:{row.id}"
    return keys


def clearing_entries(keys: Collection[str], since: datetime | None) -> dict[str, tuple[int, datetime]]:
    """Return by key what each entry added to our balance at Stripe (nano-USD) and when it was booked.

    Those of `keys`, and all that were booked from `since` on (ever, if None).
    """
    parameters: dict[str, Any] = {"clearing": of_house(Kind.STRIPE_CLEARING).id}
    if since is not None:
        parameters |= {"keys": list(keys), "since": since}
    with connection.cursor() as cursor:
        cursor.execute(_ALL_POSTED if since is None else _POSTED, parameters)
        return {key: (net, booked_at) for key, net, booked_at in cursor.fetchall()}


def posted_by_kind() -> dict[str, int]:
    """Return the sum of the dollar accounts of each kind."""
    with_limit = Balance.objects.filter(account__asset=USD).values(kind=F("account__kind"))
    sums = {row["kind"]: int(row["sum"]) for row in with_limit.annotate(sum=Sum("posted"))}
    kinds = Account.objects.filter(asset=USD, organisation_id=None, entitlement_id=None)
    house = [of_house(Kind(kind)) for kind in kinds.values_list("kind", flat=True)]
    without_limit = [ref for ref in house if not ref.has_balance]
    return sums | {ref.kind.value: found.posted for ref, found in balances(without_limit).items()}


def payouts_in_transit() -> int:
    """Return the sum of the payouts decided on, neither sent nor returned, or reversed; nano-USD."""
    not_sent = Q(transfer_id__isnull=True, state__in=["decided", "failed"])
    waiting = Payout.objects.filter(not_sent | Q(state="reversed"))
    return int(waiting.aggregate(sum=Sum("amount_nano_usd"))["sum"] or 0)
