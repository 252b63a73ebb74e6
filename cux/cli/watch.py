"""A market on the terminal as it is now: asks above bids, the latest trades, the auction if one runs."""

from collections import deque
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cux.cli.figures import cu, usd_per_cu
from cux.client.views import Instrument, Market
from cux.wire.orders import Level, TradeView

LEVELS = 10
TRADES = 12
_BAR = 16


class Screen:
    """What is shown, kept from one change to the next."""

    def __init__(self, terms: Instrument | None, levels: int = LEVELS) -> None:
        """Show so many levels a side; without terms prices are ticks alone."""
        self._terms = terms
        self._levels = levels
        self._trades: deque[TradeView] = deque(maxlen=TRADES)

    def render(self, market: Market) -> RenderableType:
        """Return the screen after a change."""
        self._trades.extendleft(reversed(market.trades))
        book = market.book
        title = Text.assemble((book.instrument, "bold"), f"  {book.phase}  #{book.seq}")
        columns = Table.grid(padding=(0, 4))
        columns.add_row(self._book(market), self._tape())
        parts: list[RenderableType] = [title, columns]
        if market.auction is not None:
            parts.insert(1, self._auction(market))
        return Group(*parts)

    def _book(self, market: Market) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("ticks", "USD per CU", "lots", "compute"):
            table.add_column(name, justify="right")
        table.add_column("")
        asks, bids = market.book.asks[: self._levels], market.book.bids[: self._levels]
        most = max((lots for _, lots in [*asks, *bids]), default=1)
        for level in reversed(asks):
            table.add_row(*self._level(level), _bar(level[1], most), style="red")
        table.add_row(Text(self._spread(asks, bids), style="dim"))
        for level in bids:
            table.add_row(*self._level(level), _bar(level[1], most), style="green")
        return table

    def _level(self, level: Level) -> list[str]:
        price, lots = level
        compute = cu(self._terms.lot_ucu * lots) if self._terms else "–"
        return [f"{price:,}", self._per_cu(price), f"{lots:,}", compute]

    def _spread(self, asks: list[Level], bids: list[Level]) -> str:
        return f"{asks[0][0] - bids[0][0]:,} apart" if asks and bids else "–"

    def _tape(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("time", "taker", "ticks", "lots"):
            table.add_column(name, justify="left" if name in ("time", "taker") else "right")
        for trade in self._trades:
            table.add_row(
                trade.executed_at[11:19],
                trade.taker_side,
                f"{trade.price_ticks:,}",
                f"{trade.quantity_lots:,}",
                style="green" if trade.taker_side == "buy" else "red",
            )
        return table

    def _auction(self, market: Market) -> Text:
        auction = market.auction
        assert auction is not None
        price = "no price yet" if auction.price_ticks is None else self._at(auction.price_ticks)
        said = f"{auction.volume_lots:,} lots at {price}, {auction.surplus_lots:+,} over"
        return Text(f"auction ({auction.state}): {said}", style="bold yellow")

    def _at(self, price_ticks: int) -> str:
        return f"{price_ticks:,} ticks ({self._per_cu(price_ticks)} per CU)"

    def _per_cu(self, price_ticks: int) -> str:
        return usd_per_cu(self._terms, price_ticks) if self._terms else "–"


def follow(console: Console, screen: Screen, markets: Iterable[Market], count: int | None) -> None:
    """Show a market as it changes, until it ends, Ctrl-C, or after `count` changes."""
    with Live(console=console, auto_refresh=False, screen=False) as live:
        for number, market in enumerate(markets, start=1):
            live.update(screen.render(market), refresh=True)
            if number == count:
                return


def _bar(lots: int, most: int) -> str:
    return "█" * max(1, lots * _BAR // most)
