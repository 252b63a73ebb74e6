"""One round of a test market's bots: quotes anew around the price of now."""

import uuid
from datetime import datetime

from exchange.bots import ladder, walk_ticks
from exchange.models import Instrument
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import CancelAll, NewOrder
from exchange.services.paper_list import REFERENCE_TICKS


def bots_quote(*, organisation_id: uuid.UUID, instrument: Instrument, seed: str, now: datetime) -> int:
    """This function will replace the bots' quotes on an instrument; return how many orders stand.

    They are ordinary orders by the ordinary way, post-only: what wallet, capacity, band or phase refuses is
    left out. What a run before this one left in the book goes with the rest.

    Raises:
        CuxError: SEQUENCER_UNAVAILABLE, SEQUENCER_BUSY.
    """
    price = walk_ticks(
        seed=f"{seed}:{instrument.symbol}",
        reference_ticks=REFERENCE_TICKS,
        epoch_s=int(now.timestamp()),
    )
    submit_sync(CancelAll(organisation_id, None, instrument.symbol))
    placed = 0
    for quote in ladder(
        price_ticks=price, band_ticks=(instrument.band_low_ticks, instrument.band_high_ticks)
    ):
        order = NewOrder(
            organisation_id=organisation_id,
            instrument=instrument.symbol,
            side=quote.side,
            price_ticks=quote.price_ticks,
            quantity_lots=quote.quantity_lots,
            post_only=True,
        )
        placed += submit_sync(order).status == 201
    return placed
