"""Pay out on demand: decide under the caller's key, ask Stripe at once, and answer what came of it."""

import hashlib
import uuid
from contextlib import suppress
from datetime import datetime

import msgspec

from billing.models import Payout
from billing.selectors.payout_views import payout_view
from billing.services.payout_decide import payout_decide
from billing.services.payout_step import payout_step
from billing.stripe_gateway import Misconfigured, Unavailable
from core.idempotency import once
from cux.wire.payouts import NewPayout, PayoutView


def payout_start(*, organisation_id: uuid.UUID, asked: NewPayout, key: str, now: datetime) -> PayoutView:
    """This function will decide on a payout, once per `key`, and return it as it is after Stripe was asked.

    No transaction may be open. If Stripe does not answer, the payout goes on by itself.

    Raises:
        CuxError: as `payout_decide`; IDEMPOTENCY_KEY_REUSED for another body.
    """
    decided, _ = once(
        organisation_id=organisation_id,
        key=key,
        body_sha256=hashlib.sha256(b"payout " + msgspec.json.encode(asked)).digest(),
        action=lambda: {"payout_id": str(_decide(organisation_id, asked, now).id)},
    )
    payout_id = uuid.UUID(decided["payout_id"])
    with suppress(Unavailable, Misconfigured):  # the reconciler goes on
        payout_step(payout_id=payout_id, now=now)
    return payout_view(Payout.objects.get(id=payout_id))


def _decide(organisation_id: uuid.UUID, asked: NewPayout, now: datetime) -> Payout:
    return payout_decide(organisation_id=organisation_id, amount_nano_usd=asked.amount_nano_usd, now=now)
