"""Hold-back becomes earnings once it is old enough."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.db.models import F

from billing.ledger.card_money import first_in_first_out
from billing.ledger.chart import Kind, of_organisation
from billing.ledger.posting import HoldPlacement, JournalEntry, Leg
from billing.models import CardSpend, Entry
from billing.selectors.hold_back import hold_back_matured
from billing.services.card_lots import risk_hold
from billing.services.ledger_post import ledger_post


@transaction.atomic
def hold_back_mature(*, organisation_id: uuid.UUID, period: timedelta, now: datetime) -> int:
    """This function will move what was held back more than `period` ago to earnings; return how much.

    Once a UTC day, by its beginning, so that all settlements of one day mature together. Card money that is
    still at risk counts as maturing first, and stays set aside on the earnings.

    Raises:
        CuxError: IDEMPOTENCY_KEY_REUSED, another run did it at the same moment; nothing moved.
    """
    day = now.astimezone(UTC).date()
    key = f"hold_back:{organisation_id.hex}:{day}"
    if Entry.objects.filter(key=key).exists():
        return 0
    before = datetime.combine(day, time(), UTC) - period
    at_risk = _at_risk(organisation_id, now)  # locked first: disputes take of it
    amount = hold_back_matured(organisation_id=organisation_id, before=before)
    if not amount:
        return 0
    parts = first_in_first_out((_waiting(spend) for spend in at_risk), amount)
    leg = Leg(
        of_organisation(Kind.HOLD_BACK, organisation_id),
        of_organisation(Kind.EARNINGS, organisation_id),
        amount,
    )
    entry = JournalEntry(key, "hold_back_matured", (leg,), now, ref=str(organisation_id))
    (outcome,) = ledger_post(entries=[entry], placements=_holds(at_risk, parts), now=now)
    if outcome.replayed:
        return 0
    for spend, part in zip(at_risk, parts, strict=True):
        if part:
            CardSpend.objects.filter(id=spend.id).update(matured_nano_usd=F("matured_nano_usd") + part)
    return amount


def _at_risk(organisation_id: uuid.UUID, now: datetime) -> list[CardSpend]:
    """Return, locked, what card payments still at risk gave to this provider's hold-back, oldest first."""
    waiting = F("matured_nano_usd") + F("taken_nano_usd")
    spends = CardSpend.objects.filter(
        provider_id=organisation_id, held_back_nano_usd__gt=waiting, lot__at_risk_until__gt=now
    )
    locked = spends.select_related("lot").order_by("id").select_for_update(no_key=True, of=["self"])
    return sorted(locked, key=lambda spend: (spend.lot.deposited_at, spend.id))


def _waiting(spend: CardSpend) -> int:
    return spend.held_back_nano_usd - spend.matured_nano_usd - spend.taken_nano_usd


def _holds(spends: Sequence[CardSpend], parts: Sequence[int]) -> list[HoldPlacement]:
    pairs = zip(spends, parts, strict=True)
    return [risk_hold(spend.lot, spend.provider_id, part) for spend, part in pairs if part]
