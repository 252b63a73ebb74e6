"""Cancel what a failed provider still owed for a job, and set its money aside to buy cover."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from billing.ledger.chart import Kind, of_house
from billing.ledger.posting import HoldStep, JournalEntry
from billing.selectors.balances import balances
from billing.services.ledger_post import ledger_post
from core.outbox import outbox_add
from exchange.locks import entitlements_lock
from exchange.models import Cover, Entitlement
from exchange.services.card_origin import origin_returns
from exchange.services.entitlement_reserve import Part
from exchange.services.shares import leg


def cover_start(*, job_id: uuid.UUID, parts: Sequence[Part], now: datetime) -> list[Cover]:
    """This function will cancel a job's reserved compute and move its shares to transit, one cover per part.

    The open part x goes from entitlement back to issue; its escrow and fee shares, by the same exact
    rule as drawing, wait in transit for the house's cover wallet (ARCHITECTURE, "Non-delivery").
    It runs in the caller's transaction, instead of releasing the parts: their holds end here.
    """
    rows = entitlements_lock(entitlement_ids=[part.entitlement_id for part in parts])
    undrawn = balances([row.account(Kind.ENTITLEMENT) for row in rows.values()])
    covers = []
    for part in parts:
        row = rows[part.entitlement_id]
        covers.append(_start(job_id, part, row, undrawn[row.account(Kind.ENTITLEMENT)].posted, now))
    return covers


def _start(job_id: uuid.UUID, part: Part, row: Entitlement, undrawn_ucu: int, now: datetime) -> Cover:
    escrow_share, fee_share = row.released(undrawn_ucu=undrawn_ucu, amount_ucu=part.amount_ucu)
    cover = Cover.objects.create(
        job_id=job_id,
        entitlement=row,
        compute_ucu=part.amount_ucu,
        escrow_share_nano_usd=escrow_share,
        fee_share_nano_usd=fee_share,
        started_at=now,
        ends_by=now + timedelta(seconds=settings.COVER_S),
    )
    transit = of_house(Kind.TRANSIT)
    legs = [
        *leg(row.account(Kind.ENTITLEMENT), row.account(Kind.ISSUE), part.amount_ucu),
        *leg(row.account(Kind.ESCROW), transit, escrow_share),
        *leg(of_house(Kind.DEFERRED_FEES), transit, fee_share),
    ]
    ledger_post(
        entries=[JournalEntry(f"cover:{cover.id}", "cover", tuple(legs), now, ref=f"job:{job_id}")],
        steps=[HoldStep(part.hold_id, capture=part.amount_ucu)],
        now=now,
    )
    origin_returns(row, escrow_share + fee_share)
    outbox_add(topic="cover.run", payload={"cover_id": str(cover.id)})
    return cover
