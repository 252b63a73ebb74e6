"""The paper instrument of a test market, on which the house's bots quote."""

from typing import Final

from exchange.models import ComputeClass, Instrument
from exchange.services.instrument_create import instrument_create

PAPER_CLASS: Final = "paper"
REFERENCE_TICKS: Final = 2_000


def paper_list() -> Instrument:
    """This function will list the paper class and its spot instrument, or return it if it is listed.

    Its compute is of no model, so that what the bots sell can be traded and never drawn; at the end of its
    window it is paid back, as by any provider that was never there.
    """
    ComputeClass.objects.get_or_create(code=PAPER_CLASS, defaults={"model": PAPER_CLASS, "card_hash": ""})
    return instrument_create(
        symbol=f"{PAPER_CLASS}-spot",
        compute_class=PAPER_CLASS,
        delivery=Instrument.Delivery.SPOT,
        lot_ucu=100,
        tick_nano_usd=1_000,
        band_ticks=(200, 20_000),
        max_order_lots=10_000,
        maker_fee_ppm=0,
        taker_fee_ppm=10_000,
        window_s=86_400,
    )
