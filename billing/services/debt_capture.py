"""Take what a disputed payment bought after the dispute: it was in escrow then, or with somebody else."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F

from billing.ledger.chart import Kind, of_organisation
from billing.ledger.posting import HoldStep, JournalEntry, Leg
from billing.models import CardSpend, Dispute, DisputeTaking
from billing.rules.disputes import Kept, Sources, take
from billing.selectors.debts import disputed_still_owed
from billing.selectors.disputed import money_kept
from billing.services.ledger_post import ledger_post
from core.ids import new_id

Source = DisputeTaking.Source


def debt_capture(*, organisation_id: uuid.UUID, now: datetime) -> int:
    """This function will repay a debt out of earnings and hold-back that its disputed payments bought since.

    Those disputes then count as having taken it from the providers, who get it back if they are won. Return
    how much was taken. Level-triggered: it may run at any time, any number of times.

    Raises:
        CuxError: HOLD_EXPIRED, HOLD_NOT_COVERING, INSUFFICIENT_BALANCE: another took of the same money at
            this moment; nothing moved.
    """
    owing = Dispute.objects.filter(
        organisation_id=organisation_id, state__in=[Dispute.State.OPEN, Dispute.State.LOST]
    )
    return sum(_capture(row, now) for row in owing.order_by("id").values_list("id", flat=True))


@transaction.atomic
def _capture(dispute_id: uuid.UUID, now: datetime) -> int:
    dispute = Dispute.objects.select_for_update(no_key=True).get(id=dispute_id)
    debt = dispute.takings.filter(source=Source.DEBT).first()
    if debt is None or dispute.reinstated_nano_usd:
        return 0
    wanted = disputed_still_owed(dispute.organisation_id).get(dispute.id, 0)
    earnings, held_back = money_kept(payment_intent_id=dispute.payment_intent_id)
    taken = take(wanted, Sources(funding=0, wallet=0, earnings=earnings, held_back=held_back))
    captured = wanted - taken.debt
    if captured:
        _post(dispute, taken.earnings, taken.held_back, now)
        DisputeTaking.objects.filter(id=debt.id).update(amount_nano_usd=F("amount_nano_usd") - captured)
        for kept in taken.earnings:
            _note(dispute, Source.EARNINGS, kept, None)
        for kept in taken.held_back:
            _note(dispute, Source.HOLD_BACK, kept, kept.id)
            CardSpend.objects.filter(id=kept.id).update(taken_nano_usd=F("taken_nano_usd") + kept.amount)
    return captured


def _post(dispute: Dispute, earnings: Sequence[Kept], held_back: Sequence[Kept], now: datetime) -> None:
    debt = of_organisation(Kind.DISPUTE_DEBT, dispute.organisation_id)
    pairs = [(Kind.EARNINGS, kept) for kept in earnings] + [(Kind.HOLD_BACK, kept) for kept in held_back]
    legs = tuple(Leg(of_organisation(kind, kept.provider_id), debt, kept.amount) for kind, kept in pairs)
    key = f"debt_captured:{dispute.id}:{new_id()}"
    entry = JournalEntry(key, "debt_captured", legs, now, ref=f"dispute:{dispute.id}")
    steps = [HoldStep(kept.id, capture=kept.amount) for kept in earnings]
    ledger_post(entries=[entry], steps=steps, now=now)


def _note(dispute: Dispute, source: Source, kept: Kept, spend_id: uuid.UUID | None) -> None:
    row, _ = DisputeTaking.objects.get_or_create(
        dispute=dispute,
        source=source,
        organisation_id=kept.provider_id,
        spend_id=spend_id,
        defaults={"amount_nano_usd": 0},
    )
    DisputeTaking.objects.filter(id=row.id).update(amount_nano_usd=F("amount_nano_usd") + kept.amount)
