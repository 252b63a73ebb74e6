"""Why a provider earned what it earned: each job with its tokens, compute, price and hold-back."""

import uuid
from datetime import timedelta
from typing import Final

from billing.selectors.provider_earnings import NEWEST, Earned, provider_earned
from core.clock import rfc3339
from core.ids import public_id
from cux.wire.agent import Earning, EarningsPage

_UCU_PER_CU: Final = 1_000_000
_SUBJECT: Final = {"job": "job", "take_or_pay": "entitlement"}


def earnings_page(
    *, organisation_id: uuid.UUID, hold_back: timedelta, limit: int, before: int | None
) -> EarningsPage:
    """Return a page of at most `limit` charges, newest first; `hold_back` is how long money is held back."""
    rows = provider_earned(organisation_id=organisation_id, limit=limit + 1, before=before or NEWEST)
    shown = rows[:limit]
    return EarningsPage(
        data=[_earning(row, hold_back) for row in shown],
        next_before=shown[-1].charge_id if len(rows) > limit else None,
    )


def _earning(row: Earned, hold_back: timedelta) -> Earning:
    total = row.paid_nano_usd + row.held_nano_usd
    return Earning(
        kind="job" if row.kind == "job" else "take_or_pay",
        subject_id=public_id(_SUBJECT[row.kind], row.subject_id),
        model=row.model,
        card_hash=row.card_hash,
        prompt_tokens=row.prompt_tokens,
        cached_tokens=row.cached_tokens,
        output_tokens=row.output_tokens,
        compute_ucu=row.compute_ucu,
        paid_nano_usd=row.paid_nano_usd,
        held_nano_usd=row.held_nano_usd,
        price_nano_usd_per_cu=total * _UCU_PER_CU // row.compute_ucu if row.compute_ucu else 0,
        booked_at=rfc3339(row.booked_at),
        matures_at=rfc3339(row.booked_at + hold_back) if row.held_nano_usd else None,
    )
