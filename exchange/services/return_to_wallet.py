"""Send money that came back to a buyer on to its trading wallet."""

import uuid
from datetime import datetime

from billing.services.wallet_move import to_transit
from core.outbox import outbox_add


def return_to_wallet(*, organisation_id: uuid.UUID, amount_nano_usd: int, key: str, now: datetime) -> None:
    """This function will move funding to transit and ask, through the outbox, for the rest of the way.

    Only the sequencer writes wallets; its `fund` command follows when the caller's transaction is done.
    """
    to_transit(organisation_id=organisation_id, amount_nano_usd=amount_nano_usd, key=key, now=now)
    outbox_add(
        topic="wallet.fund",
        payload={
            "organisation_id": str(organisation_id),
            "amount_nano_usd": amount_nano_usd,
            "key": key,
        },
    )
