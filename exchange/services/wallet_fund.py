"""The second half of funding a wallet: what is in transit reaches the sequencer's side."""

import uuid

from core.errors import Code, CuxError
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Fund


def wallet_fund(*, organisation_id: uuid.UUID, amount_nano_usd: int, key: str) -> None:
    """This function will have the sequencer take money from transit into the wallet, once per `key`.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY; DEPENDENCY_UNAVAILABLE if it refused. The money
            is in transit still, and the same call may be made again.
    """
    # No caller's Idempotency-Key holds a space, so none can take this name and leave the money in transit.
    verdict = submit_sync(Fund(organisation_id, amount_nano_usd, f"fund {key}"))
    error = verdict.body.get("error")
    if error:
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, f"The sequencer refused: {error['code']}")
