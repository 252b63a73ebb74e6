"""Cancel what a failed provider still owed for a job, and set its money aside to buy cover."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from billing.ledger.chart import Kind, of_entitlement, of_house
from billing.ledger.posting import HoldStep, JournalEntry
from billing.services.balances_lock import balances_lock
from billing.services.ledger_post import ledger_post
from core.money import share_released
from core.outbox import outbox_add
from exchange.models import Cover, Entitlement
from exchange.services.entitlement_reserve import Part
from exchange.services.shares import leg


def cover_start(*, job_id: uuid.UUID, parts: Sequence[Part], now: datetime) -> list[Cover]:
    """This function will cancel a job's reserved compute and move its shares to transit, one cover per part.

    The open part x goes from entitlement back to issue; its escrow and fee shares, by the same exact
    rule as drawing, wait in transit for the house's cover wallet (ARCHITECTURE, "Non-delivery").
    """
    return [_start(job_id, part, now) for part in parts]


def _start(job_id: uuid.UUID, part: Part, now: datetime) -> Cover:
    row = Entitlement.objects.select_related("instrument").get(id=part.entitlement_id)
    compute_class = row.instrument.compute_class_id
    compute = of_entitlement(Kind.ENTITLEMENT, row.id, compute_class)
    before = row.quantity_ucu - balances_lock(accounts=[compute])[compute].posted
    span = (before, before + part.amount_ucu, row.quantity_ucu)
    cover = Cover.objects.create(
        job_id=job_id,
        entitlement=row,
        compute_ucu=part.amount_ucu,
        escrow_share_nano_usd=share_released(row.escrow_nano_usd, *span),
        fee_share_nano_usd=share_released(row.fee_nano_usd, *span),
        started_at=now,
        ends_by=now + timedelta(seconds=settings.COVER_S),
    )
    transit = of_house(Kind.TRANSIT)
    legs = [
        *leg(compute, of_entitlement(Kind.ISSUE, row.id, compute_class), part.amount_ucu),
        *leg(of_entitlement(Kind.ESCROW, row.id, compute_class), transit, cover.escrow_share_nano_usd),
        *leg(of_house(Kind.DEFERRED_FEES), transit, cover.fee_share_nano_usd),
    ]
    ledger_post(
        entries=[JournalEntry(f"cover:{cover.id}", "cover", tuple(legs), now, ref=f"job:{job_id}")],
        steps=[HoldStep(part.hold_id, capture=part.amount_ucu)],
        now=now,
    )
    outbox_add(topic="cover.run", payload={"cover_id": str(cover.id)})
    return cover
