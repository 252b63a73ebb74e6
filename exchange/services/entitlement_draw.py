"""Draw what a job used: compute down, escrow to the provider, fee earned, the rest given back."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from billing.ledger.chart import Kind, of_entitlement
from billing.ledger.posting import HoldStep, JournalEntry, Leg
from billing.services.balances_lock import balances_lock
from billing.services.ledger_post import ledger_post
from core.money import share_released
from exchange.models import Entitlement
from exchange.services.entitlement_reserve import Part
from exchange.services.shares import FeeShares, fee_legs, held_back, leg, provider_legs


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a job cost its buyer (escrow and fee released) and brought its provider, in nano-USD."""

    charged_nano_usd: int
    fee_nano_usd: int
    earned_nano_usd: int
    held_back_nano_usd: int


@dataclass(frozen=True, slots=True)
class _Use:
    part: Part
    entitlement: Entitlement
    used_ucu: int
    escrow_released: int
    fee_released: int


def entitlement_draw(
    *, job_id: uuid.UUID, parts: Sequence[Part], used_ucu: int, hold_back_ppm: int, now: datetime
) -> Drawn:
    """This function will draw `used_ucu` µCU from a job's parts in their order, in the caller's transaction.

    When use goes from u₁ to u₂ of Q, escrow releases ⌊N·u₂/Q⌋ − ⌊N·u₁/Q⌋ and the fee is earned alike
    (ARCHITECTURE, "Drawing"): exact in sum however jobs split. What was reserved and not used goes
    back. One ledger entry `settle:<job>`.

    Raises:
        ValueError: more was used than reserved.
    """
    if used_ucu > sum(part.amount_ucu for part in parts):
        raise ValueError(f"Expected at most the reservation, was {used_ucu} µCU")
    uses = _uses(parts, used_ucu)
    shares = FeeShares(settings.INSURANCE_SHARE_PPM, settings.PUBLIC_ACCESS_SHARE_PPM)
    legs = [leg for use in uses for leg in _legs(use, hold_back_ppm)]
    legs += fee_legs(sum(use.fee_released for use in uses), shares)
    entry = (
        JournalEntry(f"settle:{job_id}", "settle", tuple(legs), now, ref=f"job:{job_id}") if legs else None
    )
    ledger_post(
        entries=[entry] if entry else [],
        steps=[
            HoldStep(use.part.hold_id, capture=use.used_ucu, release=use.part.amount_ucu - use.used_ucu)
            for use in uses
        ],
        now=now,
    )
    escrow = sum(use.escrow_released for use in uses)
    fee = sum(use.fee_released for use in uses)
    kept = sum(held_back(use.escrow_released, hold_back_ppm) for use in uses)
    return Drawn(escrow + fee, fee, escrow - kept, kept)


def _uses(parts: Sequence[Part], used_ucu: int) -> list[_Use]:
    rows = Entitlement.objects.select_related("instrument").in_bulk([part.entitlement_id for part in parts])
    accounts = {row.id: of_entitlement(Kind.ENTITLEMENT, row.id, _class(row)) for row in rows.values()}
    balances = balances_lock(accounts=list(accounts.values()))
    uses = []
    for part in parts:
        row = rows[part.entitlement_id]
        used = min(part.amount_ucu, used_ucu)
        used_ucu -= used
        before = row.quantity_ucu - balances[accounts[row.id]].posted
        span = (before, before + used, row.quantity_ucu)
        uses.append(
            _Use(
                part,
                row,
                used,
                share_released(row.escrow_nano_usd, *span),
                share_released(row.fee_nano_usd, *span),
            )
        )
    return uses


def _legs(use: _Use, hold_back_ppm: int) -> list[Leg]:
    row = use.entitlement
    escrow = of_entitlement(Kind.ESCROW, row.id, _class(row))
    return [
        *leg(
            of_entitlement(Kind.ENTITLEMENT, row.id, _class(row)),
            of_entitlement(Kind.ISSUE, row.id, _class(row)),
            use.used_ucu,
        ),
        *provider_legs(escrow, row.provider_id, use.escrow_released, hold_back_ppm),
    ]


def _class(row: Entitlement) -> str:
    return row.instrument.compute_class_id
