"""Public market data. No key is needed."""

from cux.client.call import Call, get, segment, watch
from cux.client.views import Book, Instrument, Page, Trade
from cux.wire.streams import MarketDelta


def instrument_list() -> Call[Page[Instrument]]:
    """Return all instruments with their increments, bands, fees and phase."""
    return get("/v1/instruments", Page[Instrument])


def instrument_get(instrument: str) -> Call[Instrument]:
    """Return one instrument."""
    return get(f"/v1/instruments/{segment(instrument)}", Instrument)


def book_get(instrument: str, *, depth: int = 20) -> Call[Book]:
    """Return the aggregated book, best price first on each side; `depth` levels a side, 1 to 200."""
    return get(f"/v1/instruments/{segment(instrument)}/book", Book, depth=depth)


def trade_list(instrument: str, *, page_size: int = 50) -> Call[Page[Trade]]:
    """Iterate over an instrument's trades, newest first; pages are fetched as they are needed."""
    return get(f"/v1/instruments/{segment(instrument)}/trades", Page[Trade], limit=page_size)


def market_stream(instrument: str) -> Call[MarketDelta]:
    """Return the stream of a market: a snapshot, then deltas."""
    return watch(f"/v1/stream/market/{segment(instrument)}", MarketDelta)
