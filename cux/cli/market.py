"""`cux market …`: what anyone may see."""

import sys
from itertools import islice
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from cux.cli.figures import cu, duration, moment, percent, usd, usd_per_cu
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.cli.watch import Screen, follow
from cux.client.views import Book, Instrument, Market
from cux.wire.orders import TradeView

app = group("Instruments, books and trades. No key is needed.")

Symbol = Annotated[str, typer.Argument(help="The instrument, such as smollm2-135m.cpu-spot.")]


@command(app, "list", example="cux market list")
def market_list(session: Session) -> None:
    """List the instruments that can be traded."""
    rows = session.client.instrument_list()
    columns = [
        "instrument",
        "model",
        "delivery",
        "phase",
        ">lot",
        ">tick per lot",
        ">tick per CU",
        ">fees",
        ">window",
    ]
    session.show(rows, lambda: grid(None, columns, [_instrument(row) for row in rows]))


def _instrument(row: Instrument) -> list[str]:
    fees = f"{percent(row.maker_fee_ppm)} / {percent(row.taker_fee_ppm)}"
    lot, tick = cu(row.lot_ucu), usd(row.tick_nano_usd)
    return [
        row.instrument,
        row.model,
        row.delivery,
        row.phase,
        lot,
        tick,
        usd_per_cu(row, 1),
        fees,
        duration(row.window_s),
    ]


@command(app, "show", example="cux market show smollm2-135m.cpu-spot")
def market_show(session: Session, instrument: Symbol) -> None:
    """Show one instrument with all its increments, limits and fees."""
    terms = session.client.instrument_get(instrument)
    session.show(terms, lambda: facts(None, _terms(terms)))


def _terms(row: Instrument) -> list[tuple[str, str]]:
    worth = usd(row.max_notional_nano_usd) if row.max_notional_nano_usd else "any amount"
    near = f", within {percent(row.band_ppm)} of the reference price" if row.band_ppm else ""
    halt = f"auction of {row.volatility_auction_s} s at {percent(row.volatility_ppm)}"
    return [
        ("instrument", f"{row.instrument}, {row.phase}"),
        ("delivers", f"{row.model}, {row.delivery}, for {duration(row.window_s)}"),
        ("lot", cu(row.lot_ucu)),
        ("tick", f"{usd(row.tick_nano_usd)} per lot, {usd_per_cu(row, 1)} per CU"),
        ("prices", f"{row.band_low_ticks:,} to {row.band_high_ticks:,} ticks{near}"),
        ("orders", f"{row.min_order_lots:,} to {row.max_order_lots:,} lots, worth {worth}"),
        ("open orders", f"{row.max_open_orders:,} of an account"),
        ("interruption", halt if row.volatility_ppm else "none"),
        ("fees", f"{percent(row.maker_fee_ppm)} maker, {percent(row.taker_fee_ppm)} taker"),
    ]


@command(app, "book", example="cux market book smollm2-135m.cpu-spot --depth 5")
def market_book(
    session: Session,
    instrument: Symbol,
    depth: Annotated[int, typer.Option(min=1, max=200, help="Levels per side.")] = 10,
) -> None:
    """Show the order book: asks above bids, best prices in the middle."""
    book = session.client.book_get(instrument, depth=depth)
    session.show(book, lambda: _book(session, book))


def _book(session: Session, book: Book) -> Table:
    terms = session.instrument(book.instrument)
    levels = [("ask", *level) for level in reversed(book.asks)] + [("bid", *level) for level in book.bids]
    rows = [
        [side, f"{price:,}", _per_cu(terms, price), f"{lots:,}", _lots(terms, lots)]
        for side, price, lots in levels
    ]
    title = f"{book.instrument} · {book.phase}" + ("" if rows else " · no open orders")
    return grid(title, ["side", ">ticks", ">USD per CU", ">lots", ">compute"], rows)


def _per_cu(terms: Instrument | None, price_ticks: int) -> str:
    return usd_per_cu(terms, price_ticks) if terms else "–"


def _lots(terms: Instrument | None, quantity_lots: int) -> str:
    return cu(terms.lot_ucu * quantity_lots) if terms else "–"


@command(app, "trades", example="cux market trades smollm2-135m.cpu-spot --limit 5")
def market_trades(
    session: Session,
    instrument: Symbol,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 20,
) -> None:
    """List the latest trades."""
    rows = list(islice(session.client.trade_list(instrument, page_size=limit), limit))
    columns = ["time (UTC)", "taker", ">ticks", ">USD per CU", ">lots", "trade", "not printed"]
    session.show(rows, lambda: grid(None, columns, [_trade(row, f"${row.usd_per_cu}") for row in rows]))


def _trade(row: TradeView, per_cu: str) -> list[str]:
    return [
        moment(row.executed_at),
        row.taker_side,
        f"{row.price_ticks:,}",
        per_cu,
        f"{row.quantity_lots:,}",
        row.trade_id,
        _marks(row),
    ]


def _marks(row: TradeView) -> str:
    """Say why a trade counts in no price and no volume; empty if it counts."""
    flags = (
        (row.is_self, "with itself"),
        (row.is_selective, "chosen provider"),
        (row.is_resale, "resale"),
        (row.is_busted, "busted"),
    )
    return ", ".join(words for flag, words in flags if flag)


@command(app, "watch", example="cux market watch smollm2-135m.cpu-spot")
def market_watch(
    session: Session,
    instrument: Symbol,
    count: Annotated[int | None, typer.Option(min=1, help="End after this many changes.")] = None,
) -> None:
    """Follow a market until Ctrl-C: a live book on a terminal, else a line for each change and trade.

    With --json one object a line.
    """
    terms = None if session.as_json else session.instrument(instrument)
    markets = session.client.market_watch(instrument)
    try:
        if not session.as_json and sys.stdout.isatty():
            follow(session.console(), Screen(terms), markets, count)
            return
        for number, market in enumerate(markets, start=1):
            _tell(session, terms, market)
            if number == count:
                return
    except KeyboardInterrupt:
        session.say("")


def _tell(session: Session, terms: Instrument | None, market: Market) -> None:
    if session.as_json:
        session.line(msgspec.json.encode(market))
        return
    session.line(_best(terms, market.book))
    for trade in reversed(market.trades):
        session.line("  trade  " + "  ".join(_trade(trade, _per_cu(terms, trade.price_ticks))).rstrip())


def _best(terms: Instrument | None, book: Book) -> str:
    bid, ask = (
        f"{side[0][0]:,} × {side[0][1]:,} ({_per_cu(terms, side[0][0])})" if side else "–"
        for side in (book.bids, book.asks)
    )
    return f"#{book.seq}  bid {bid}  ask {ask}  {book.phase}"


@command(app, "stats", example="cux market stats smollm2-135m.cpu-spot")
def market_stats(session: Session, instrument: Symbol) -> None:
    """Show what an instrument did in the last 24 hours."""
    stats = session.client.stats_get(instrument)

    def at(price: int | None) -> str:
        return (
            "–"
            if price is None
            else f"{price:,} ticks ({_per_cu(session.instrument(instrument), price)} per CU)"
        )

    change = "–" if stats.change_ppm is None else percent(stats.change_ppm)
    pairs = [
        ("instrument", f"{stats.instrument}, {stats.phase}"),
        ("last", f"{at(stats.last_ticks)}, {change} in 24 h"),
        ("high", at(stats.high_ticks)),
        ("low", at(stats.low_ticks)),
        ("bid", at(stats.best_bid_ticks)),
        ("ask", at(stats.best_ask_ticks)),
        ("volume", f"{stats.volume_lots:,} lots, {cu(stats.volume_ucu)} in {stats.trades:,} trades"),
        ("turnover", usd(stats.turnover_nano_usd)),
    ]
    session.show(stats, lambda: facts(None, pairs))


@command(app, "resales", example="cux market resales smollm2-135m.cpu-spot")
def market_resales(session: Session, instrument: Symbol) -> None:
    """List compute that its holders sell on; `cux order place --min-window` buys it."""
    rows = session.client.resale_list(instrument)
    terms = None if session.as_json else session.instrument(instrument)
    columns = [">ticks", ">USD per CU", ">lots", "window ends (UTC)"]
    session.show(
        rows,
        lambda: grid(
            None,
            columns,
            [
                [
                    f"{row.price_ticks:,}",
                    _per_cu(terms, row.price_ticks),
                    f"{row.quantity_lots:,}",
                    moment(row.window_ends_at),
                ]
                for row in rows
            ],
        ),
    )


@command(app, "providers", example="cux market providers")
def market_providers(session: Session) -> None:
    """List who delivers compute; orders choose them by organisation (`--only-provider`)."""
    rows = session.client.provider_list()
    columns = ["name", "organisation", "tier", "up", "models", ">µCU/s", ">receipts"]
    session.show(
        rows,
        lambda: grid(
            None,
            columns,
            [
                [
                    row.name,
                    row.organisation_id,
                    row.trust_tier,
                    "draining" if row.draining else "yes" if row.up else "no",
                    ", ".join(row.models),
                    f"{row.rate_ucu_per_s:,}",
                    f"{row.receipts:,}",
                ]
                for row in rows
            ],
        ),
    )
