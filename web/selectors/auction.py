"""The call auction of a market as its page first shows it; the stream goes on from there."""

from dataclasses import dataclass

from exchange.models import Instrument
from exchange.selectors.book import BookSnapshot
from exchange.selectors.events import auction_indicators
from web.figures import usd_per_cu


@dataclass(frozen=True, slots=True)
class AuctionPanel:
    """What an auction would do now."""

    state: str
    price_ticks: int | None
    usd_per_cu: str | None
    volume_lots: int
    surplus_lots: int

    @property
    def missing_lots(self) -> int:
        """Return how many lots are asked that nobody bids for."""
        return -self.surplus_lots


def auction_panel(instrument: Instrument, book: BookSnapshot) -> AuctionPanel | None:
    """Return the indicators of the auction that is on; None if there is none."""
    news = auction_indicators(instrument.id, book.sequence)
    if news is None or news.state == "done":
        return None
    return AuctionPanel(
        state=news.state,
        price_ticks=news.price_ticks,
        usd_per_cu=None if news.price_ticks is None else usd_per_cu(instrument, news.price_ticks),
        volume_lots=news.volume_lots,
        surplus_lots=news.surplus_lots,
    )
