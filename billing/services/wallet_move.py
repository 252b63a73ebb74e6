"""Money on its way between funding and a trading wallet, whose rows only the sequencer writes."""

import uuid
from datetime import datetime

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.services.amounts import require_amount
from billing.services.debt_repay import debt_repay
from billing.services.ledger_post import PostOutcome, ledger_post
from core.outbox import outbox_add
from core.retry import transact


def to_transit(*, organisation_id: uuid.UUID, amount_nano_usd: int, key: str, now: datetime) -> PostOutcome:
    """This function will move money from funding into transit, once per organisation and `key`.

    Raises:
        CuxError: INVALID_FIELD, NUMBER_TOO_LARGE, INSUFFICIENT_BALANCE; IDEMPOTENCY_KEY_REUSED for
            another amount.
    """
    require_amount(amount_nano_usd)
    funding = of_organisation(Kind.FUNDING, organisation_id)
    entry = JournalEntry(
        key=_transit_key(organisation_id, key),
        kind="wallet.to_transit",
        legs=(Leg(funding, of_house(Kind.TRANSIT), amount_nano_usd),),
        event_at=now,
        ref=str(organisation_id),
    )
    return transact(lambda: ledger_post(entries=[entry], now=now))[0]


def send_to_wallet(*, organisation_id: uuid.UUID, amount_nano_usd: int, key: str, now: datetime) -> None:
    """This function will move funding to transit and ask, through the outbox, for the rest of the way.

    What the organisation owes for disputes is repaid first. The sequencer's `fund` command follows when the
    caller's transaction is done. Raises as `to_transit`.
    """
    require_amount(amount_nano_usd)
    transact(lambda: _send(organisation_id, amount_nano_usd, key, now))


def _send(organisation_id: uuid.UUID, amount_nano_usd: int, key: str, now: datetime) -> None:
    repaid = debt_repay(
        organisation_id=organisation_id,
        up_to_nano_usd=amount_nano_usd,
        key=key,
        sent_key=_transit_key(organisation_id, key),
        now=now,
    )
    rest = amount_nano_usd - repaid
    if not rest:
        return
    to_transit(organisation_id=organisation_id, amount_nano_usd=rest, key=key, now=now)
    outbox_add(
        topic="wallet.fund",
        payload={"organisation_id": str(organisation_id), "amount_nano_usd": rest, "key": key},
    )


def _transit_key(organisation_id: uuid.UUID, key: str) -> str:
    return f"transit:{organisation_id.hex}:{key}"
