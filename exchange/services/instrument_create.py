"""List an instrument. The sequencer finds it when its first order comes."""

from django.db import transaction

from core.errors import Code, CuxError
from core.money import BIGINT_MAX
from exchange.engine.orders import Phase
from exchange.models import Instrument


def instrument_create(
    *,
    symbol: str,
    compute_class: str,
    delivery: str,
    lot_ucu: int,
    tick_nano_usd: int,
    band_ticks: tuple[int, int],
    max_order_lots: int,
    maker_fee_ppm: int,
    taker_fee_ppm: int,
    window_s: int,
    reference_ticks: int | None = None,
    band_ppm: int = 0,
    volatility_ppm: int = 0,
    volatility_auction_s: int = 30,
    phase: Phase = "continuous",
) -> Instrument:
    """This function will list an instrument, or return it if it is listed; its terms never change.

    The reference price is the one before the first trade, by default the middle of the band. Without
    `band_ppm` and `volatility_ppm` there is no narrower band and no interruption.

    Raises:
        CuxError: INVALID_FIELD for terms that no order could be placed under; NUMBER_TOO_LARGE if the
            largest order at the upper band would leave 64 bits.
    """
    low, high = band_ticks
    positive = min(lot_ucu, tick_nano_usd, low, max_order_lots, window_s) > 0
    guarded = min(band_ppm, volatility_ppm) >= 0 < volatility_auction_s
    in_band = low <= (low if reference_ticks is None else reference_ticks) <= high
    if not (positive and guarded and in_band) or not 0 <= maker_fee_ppm <= taker_fee_ppm < 1_000_000:
        raise CuxError(Code.INVALID_FIELD, "These terms cannot be traded under.")
    if 2 * high * max_order_lots * tick_nano_usd > BIGINT_MAX or max_order_lots * lot_ucu > BIGINT_MAX:
        raise CuxError(Code.NUMBER_TOO_LARGE)
    with transaction.atomic():
        instrument, _ = Instrument.objects.get_or_create(
            symbol=symbol,
            defaults={
                "compute_class_id": compute_class,
                "delivery": delivery,
                "lot_ucu": lot_ucu,
                "tick_nano_usd": tick_nano_usd,
                "band_low_ticks": low,
                "band_high_ticks": high,
                "max_order_lots": max_order_lots,
                "maker_fee_ppm": maker_fee_ppm,
                "taker_fee_ppm": taker_fee_ppm,
                "window_s": window_s,
                "reference_ticks": reference_ticks,
                "band_ppm": band_ppm,
                "volatility_ppm": volatility_ppm,
                "volatility_auction_s": volatility_auction_s,
                "phase": phase,
            },
        )
    return instrument
