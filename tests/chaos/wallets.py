"""The sequencer, without a sequencer: what is in transit reaches wallets, what is asked for leaves them."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.services.ledger_post import ledger_post
from billing.tasks import OUTBOX_HANDLERS as BILLING_HANDLERS
from core.clock import utc_now
from core.errors import Code, CuxError
from core.outbox import Handler, outbox_add, outbox_drain
from exchange.tasks import OUTBOX_HANDLERS as EXCHANGE_HANDLERS

TRANSIT = of_house(Kind.TRANSIT)


def _fund(payload: dict[str, Any]) -> None:
    wallet = of_organisation(Kind.WALLET, uuid.UUID(payload["organisation_id"]))
    _post(f"fund {payload['key']}", Leg(TRANSIT, wallet, payload["amount_nano_usd"]))


def _defund(payload: dict[str, Any]) -> None:
    taken = _taken(uuid.UUID(payload["organisation_id"]), payload["amount_nano_usd"], payload["key"])
    outbox_add(topic=payload["reply_topic"], payload={**payload["reply"], "taken": taken})


def _taken(who: uuid.UUID, amount: int, key: str) -> bool:
    wallet, funding = (of_organisation(kind, who) for kind in (Kind.WALLET, Kind.FUNDING))
    try:
        with transaction.atomic():
            _post(f"defund {key}", Leg(wallet, funding, amount))
    except CuxError as refusal:
        if refusal.code is not Code.INSUFFICIENT_BALANCE:
            raise
        return False
    return True


def _post(key: str, leg: Leg) -> None:
    ledger_post(entries=[JournalEntry(f"chaos:{key}", "wallet", (leg,), utc_now())], now=utc_now())


HANDLERS: Mapping[str, Handler] = {
    **BILLING_HANDLERS,
    "wallet.fund": _fund,
    "wallet.defund": _defund,
    **{topic: EXCHANGE_HANDLERS[topic] for topic in ("debt.pull", "debt.pulled")},
}


def messages_arrive(now: datetime) -> None:
    """Hand out what the outbox has, and what that puts into it."""
    while outbox_drain(HANDLERS, now):
        pass
