"""Public market data over time. No key is needed."""

from cux.client.call import Call, get, segment
from cux.client.views import Page
from cux.wire.market import AuctionView, CandleInterval, CandleView, IndexView, ResaleView, StatsView


def candle_list(
    instrument: str, *, interval: CandleInterval = "1m", start: str | None = None, end: str | None = None
) -> Call[Page[CandleView]]:
    """Return candles from `start` to `end` (RFC 3339, UTC), oldest first, without gaps, at most 1,000."""
    path = f"/v1/instruments/{segment(instrument)}/candles"
    return get(path, Page[CandleView], interval=interval, start=start, end=end)


def stats_get(instrument: str) -> Call[StatsView]:
    """Return what an instrument did in the last 24 hours."""
    return get(f"/v1/instruments/{segment(instrument)}/stats", StatsView)


def resale_list(instrument: str) -> Call[Page[ResaleView]]:
    """Return compute that its holders sell on, cheapest first, with the end of its window."""
    return get(f"/v1/instruments/{segment(instrument)}/resales", Page[ResaleView])


def index_list() -> Call[Page[IndexView]]:
    """Return the newest value of the CU price index of each compute class, and of all (`overall`)."""
    return get("/v1/index", Page[IndexView])


def index_history(code: str, *, page_size: int = 50) -> Call[Page[IndexView]]:
    """Iterate over the published values of one index, newest first; pages are fetched as they are needed."""
    return get(f"/v1/index/{segment(code)}", Page[IndexView], limit=page_size)


def auction_list(*, instrument: str | None = None, page_size: int = 50) -> Call[Page[AuctionView]]:
    """Iterate over call auctions of one instrument or of all, newest first, fetched as they are needed."""
    return get("/v1/auctions", Page[AuctionView], instrument=instrument, limit=page_size)


def auction_get(auction_id: str) -> Call[AuctionView]:
    """Return one call auction: what it would do now, or its result."""
    return get(f"/v1/auctions/{segment(auction_id)}", AuctionView)
