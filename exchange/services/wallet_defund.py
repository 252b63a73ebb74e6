"""Have the sequencer give wallet money back to funding, and tell whoever asked what became of it."""

import uuid
from typing import Any

from core.errors import Code, CuxError
from core.outbox import outbox_add
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Defund


def wallet_defund(
    *, organisation_id: uuid.UUID, amount_nano_usd: int, key: str, reply_topic: str, reply: dict[str, Any]
) -> None:
    """This function will take available money out of the wallet, once per `key`, and write a reply.

    The reply goes through the outbox with `taken`: whether the money is in funding now; it is not if less
    was available. Runs in the outbox's transaction.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE; DEPENDENCY_UNAVAILABLE if it could not decide. The same call may be
            made again.
    """
    verdict = submit_sync(Defund(organisation_id, amount_nano_usd, key))
    error = verdict.body.get("error")
    if error and error["code"] != Code.INSUFFICIENT_BALANCE.wire:
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, f"The sequencer refused: {error['code']}")
    outbox_add(topic=reply_topic, payload={**reply, "taken": error is None})
