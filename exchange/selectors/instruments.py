"""What can be traded."""

from core.errors import Code, CuxError
from exchange.models import Instrument
from exchange.sequencer import facts


def instrument_list() -> list[Instrument]:
    """Return all instruments with their compute classes, by symbol."""
    return list(Instrument.objects.select_related("compute_class").order_by("symbol"))


def instrument_find(symbol: str) -> Instrument:
    """Return the instrument of this symbol. Raises CuxError UNKNOWN_INSTRUMENT."""
    found = Instrument.objects.filter(symbol=symbol).select_related("compute_class").first()
    if found is None:
        raise CuxError(Code.UNKNOWN_INSTRUMENT, param="instrument")
    return found


def instrument_terms(row: Instrument) -> facts.Instrument:
    """Return an instrument's terms as the sequencer knows them, for its arithmetic."""
    return facts.Instrument(
        id=row.id,
        symbol=row.symbol,
        compute_class=row.compute_class_id,
        lot_ucu=row.lot_ucu,
        tick_nano_usd=row.tick_nano_usd,
        band_low_ticks=row.band_low_ticks,
        band_high_ticks=row.band_high_ticks,
        max_order_lots=row.max_order_lots,
        maker_fee_ppm=row.maker_fee_ppm,
        taker_fee_ppm=row.taker_fee_ppm,
        window_s=row.window_s,
    )
