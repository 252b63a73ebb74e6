"""Pay in: write the intent down under the caller's key, ask Stripe at once, and answer what came of it."""

import hashlib
import uuid
from datetime import datetime
from typing import Any

import msgspec

from billing.models import Deposit
from billing.rules.urls import require_return_url
from billing.selectors.card_views import deposit_view
from billing.services.deposit_create import deposit_create
from billing.services.deposit_step import deposit_step
from core.errors import Code, CuxError
from core.idempotency import once
from cux.wire.payments import DepositView, NewDeposit


def deposit_start(*, organisation_id: uuid.UUID, asked: NewDeposit, key: str, now: datetime) -> DepositView:
    """This function will begin a deposit, once per `key`, and return it as it was after Stripe was asked.

    No transaction may be open. If Stripe does not answer, the deposit goes on by itself; the same call under
    the same key asks again, and never charges twice.

    Raises:
        CuxError: PAYMENT_DECLINED with the bank's words, nothing was charged; DEPENDENCY_UNAVAILABLE;
            as `deposit_create`; IDEMPOTENCY_KEY_REUSED for another body.
    """
    if asked.return_url is not None:
        require_return_url(asked.return_url)
    digest = hashlib.sha256(b"deposit " + msgspec.json.encode(asked)).digest()
    made, _ = once(
        organisation_id=organisation_id,
        key=key,
        body_sha256=digest,
        action=lambda: {"deposit_id": str(_create(organisation_id, asked, now).id)},
    )
    deposit_id = uuid.UUID(made["deposit_id"])
    deposit_step(deposit_id=deposit_id, now=now)
    # What was answered first is answered again. No caller's key holds a space, so this one is ours; it is
    # the deposit's and not the caller's, whose key may be forgotten and used again before this one is.
    shown, _ = once(
        organisation_id=organisation_id,
        key=f"{deposit_id.hex} answer",
        body_sha256=digest,
        action=lambda: _shown(deposit_id),
    )
    view = msgspec.convert(shown, DepositView)
    if view.status == "failed":
        raise CuxError(Code.PAYMENT_DECLINED, view.failure_message or None, param=view.failure_code)
    return view


def _create(organisation_id: uuid.UUID, asked: NewDeposit, now: datetime) -> Deposit:
    by_card = asked.payment_method is not None
    return deposit_create(
        organisation_id=organisation_id,
        amount_nano_usd=asked.amount_nano_usd,
        method=Deposit.Method.CARD if by_card else Deposit.Method.CHECKOUT,
        payment_method_id=asked.payment_method or "",
        saves_card=asked.save_card and not by_card,
        return_url=asked.return_url or "",
        is_asked_here=True,
        now=now,
    )


def _shown(deposit_id: uuid.UUID) -> dict[str, Any]:
    deposit = Deposit.objects.get(id=deposit_id)
    if deposit.state == Deposit.State.PENDING:  # somebody else is asking Stripe
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, retry_after_s=1)
    shown: dict[str, Any] = msgspec.to_builtins(deposit_view(deposit))
    return shown
