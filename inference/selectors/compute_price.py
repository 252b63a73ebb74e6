"""What a compute unit of a class costs now, for those who decide how much of it a question is worth."""

from datetime import datetime
from typing import Final, Literal, NamedTuple

from django.conf import settings

from core.money import mul_div_floor
from exchange.selectors.instruments import instrument_terms
from exchange.selectors.offers import offers_open, spot_instrument
from exchange.selectors.reference import usual_price_ticks

_UCU_PER_CU: Final = 10**6
PriceSource = Literal["offer", "trades", "default"]


class Price(NamedTuple):
    """The price of a CU in nano-USD, never 0, and where it was seen."""

    nano_usd_per_cu: int
    source: PriceSource


def compute_price(*, compute_class: str, now: datetime) -> Price:
    """Return the best offer on the class's spot instrument.

    Where nobody offers any it is the usual price of the last day's trades, and where the class is not
    traded `ADAPTIVE_PRICE_NANO_USD_PER_CU`.
    """
    instrument = spot_instrument(compute_class=compute_class)
    if instrument is None:
        return Price(settings.ADAPTIVE_PRICE_NANO_USD_PER_CU, "default")
    offers = offers_open(instrument=instrument)
    ticks = offers[0].price_ticks if offers else usual_price_ticks(instrument=instrument, now=now)
    terms = instrument_terms(instrument)
    price = mul_div_floor(ticks * terms.tick_nano_usd, _UCU_PER_CU, terms.lot_ucu)
    return Price(max(1, price), "offer" if offers else "trades")
