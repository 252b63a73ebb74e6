"""Draw what a job used: compute down, escrow to the provider, fee earned, the rest given back."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from billing.ledger.chart import Kind
from billing.ledger.posting import HoldStep, JournalEntry, Leg
from billing.selectors.balances import balances
from billing.services.ledger_post import ledger_post
from exchange.locks import entitlements_lock
from exchange.models import Entitlement
from exchange.services.card_origin import risk_holds
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
    *,
    job_id: uuid.UUID,
    parts: Sequence[Part],
    used_ucu: int,
    hold_back_ppm: Callable[[uuid.UUID], int],
    now: datetime,
) -> Drawn:
    """This function will draw `used_ucu` µCU from a job's parts in their order, in the caller's transaction.

    When use goes from u₁ to u₂ of Q, escrow releases ⌊N·u₂/Q⌋ − ⌊N·u₁/Q⌋ and the fee is earned alike
    (ARCHITECTURE, "Drawing"): exact in sum however jobs split. What was reserved and not used goes
    back. One ledger entry `settle:<job>`. What card money paid is set aside on the provider's earnings.
    `hold_back_ppm` tells that of a provider's organisation: the parts may be of several.

    Raises:
        ValueError: less than nothing was used, or more than reserved.
        CuxError: IDEMPOTENCY_KEY_REUSED or HOLD_NOT_COVERING, the job was settled before.
    """
    if not 0 <= used_ucu <= sum(part.amount_ucu for part in parts):
        raise ValueError(f"Expected 0 to what is reserved, was {used_ucu} µCU")
    uses = _uses(parts, used_ucu)
    shares = FeeShares(settings.INSURANCE_SHARE_PPM, settings.PUBLIC_ACCESS_SHARE_PPM)
    legs = [leg for use in uses for leg in _legs(use, hold_back_ppm(use.entitlement.provider_id))]
    legs += fee_legs(sum(use.fee_released for use in uses), shares)
    entry = (
        JournalEntry(f"settle:{job_id}", "settle", tuple(legs), now, ref=f"job:{job_id}") if legs else None
    )
    ledger_post(
        entries=[entry] if entry else [],
        placements=risk_holds(
            [(use.entitlement, use.escrow_released) for use in uses], hold_back_ppm=hold_back_ppm, now=now
        ),
        steps=[
            HoldStep(use.part.hold_id, capture=use.used_ucu, release=use.part.amount_ucu - use.used_ucu)
            for use in uses
        ],
        now=now,
    )
    escrow = sum(use.escrow_released for use in uses)
    fee = sum(use.fee_released for use in uses)
    kept = sum(held_back(use.escrow_released, hold_back_ppm(use.entitlement.provider_id)) for use in uses)
    return Drawn(escrow + fee, fee, escrow - kept, kept)


def _uses(parts: Sequence[Part], used_ucu: int) -> list[_Use]:
    rows = entitlements_lock(entitlement_ids=[part.entitlement_id for part in parts])
    undrawn = balances([row.account(Kind.ENTITLEMENT) for row in rows.values()])
    uses = []
    for part in parts:
        row = rows[part.entitlement_id]
        used = min(part.amount_ucu, used_ucu)
        used_ucu -= used
        left = undrawn[row.account(Kind.ENTITLEMENT)].posted
        uses.append(_Use(part, row, used, *row.released(undrawn_ucu=left, amount_ucu=used)))
    return uses


def _legs(use: _Use, hold_back_ppm: int) -> list[Leg]:
    row = use.entitlement
    return [
        *leg(row.account(Kind.ENTITLEMENT), row.account(Kind.ISSUE), use.used_ucu),
        *provider_legs(row.account(Kind.ESCROW), row.provider_id, use.escrow_released, hold_back_ppm),
    ]
