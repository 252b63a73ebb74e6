"""Open the account of a test market's bots: an organisation of the house's, with paper money and capacity."""

import uuid
from datetime import datetime
from typing import Final

from django.db import transaction

from accounts.models import Organisation
from accounts.services import organisation_create
from core.money import NANO_PER_USD, PPM
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetCapacity
from exchange.services.paper_fund import paper_fund
from exchange.services.paper_list import PAPER_CLASS

SLUG: Final = "cux-bots"
FUNDS_NANO_USD: Final = 1_000 * NANO_PER_USD
"""All that the bots can ever have bought and not got back: they get it once."""
RATE_UCU_PER_S: Final = 10
"""All that they can ever have sold and not expired is this · window: 8,640 lots of the paper instrument."""


def bots_open(*, now: datetime) -> uuid.UUID:
    """This function will open the account if there is none, and return its organisation.

    Their exposure is bounded as anybody's is: by the wallet and by capacity.

    Raises:
        CuxError: TEST_MARKET_ONLY; SEQUENCER_UNAVAILABLE or SEQUENCER_BUSY, to be tried again.
    """
    with transaction.atomic():
        bots = Organisation.objects.filter(slug=SLUG).first()
        if bots is None:
            bots = organisation_create(name="CUX bots (paper)", slug=SLUG)
        paper_fund(organisation_id=bots.id, amount_nano_usd=FUNDS_NANO_USD, key="bots", now=now)
    submit_sync(SetCapacity(bots.id, PAPER_CLASS, RATE_UCU_PER_S, PPM))
    return bots.id
