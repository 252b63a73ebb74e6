"""The wire's views with the figures people read beside them. Read by REST views and by streams."""

import uuid
from datetime import datetime
from typing import Any, cast

import msgspec

from api.v1.shapes import AccountBalances, PricedBook, PricedOrder, PricedTrade
from billing.selectors.balances import organisation_balance
from core.errors import Code, CuxError
from core.money import format_usd, mul_div_floor
from cux.wire.orders import OrderView, Phase, TradeView
from exchange.models import Instrument
from exchange.selectors.book import book_snapshot
from exchange.selectors.instruments import instrument_list
from exchange.selectors.trades import trades_recent

UCU_PER_CU = 1_000_000


def plain_usd(amount_nano_usd: int) -> str:
    """Return dollars as a bare decimal: `1250.00`."""
    return format_usd(amount_nano_usd).replace("$", "").replace(",", "")


def usd_per_cu(instrument: Instrument, price_ticks: int) -> str:
    """Return a price in dollars per compute unit, cut at the nano-dollar."""
    per_lot = price_ticks * instrument.tick_nano_usd
    return plain_usd(mul_div_floor(per_lot, UCU_PER_CU, instrument.lot_ucu))


def instrument_get(symbol: str) -> Instrument:
    """Return the instrument of this symbol. Raises CuxError UNKNOWN_INSTRUMENT."""
    for instrument in instrument_list():
        if instrument.symbol == symbol:
            return instrument
    raise CuxError(Code.UNKNOWN_INSTRUMENT, param="instrument")


def book_view(instrument: Instrument, depth: int) -> PricedBook:
    """Return the book of an instrument."""
    book = book_snapshot(symbol=instrument.symbol, depth=depth)
    return PricedBook(
        instrument=book.instrument,
        seq=book.sequence,
        phase=cast(Phase, book.phase),
        bids=[(level.price_ticks, level.quantity_lots) for level in book.bids],
        asks=[(level.price_ticks, level.quantity_lots) for level in book.asks],
        best_bid_usd_per_cu=usd_per_cu(instrument, book.bids[0].price_ticks) if book.bids else None,
        best_ask_usd_per_cu=usd_per_cu(instrument, book.asks[0].price_ticks) if book.asks else None,
    )


def trade_views(instrument: Instrument, *, limit: int, before: int | None = None) -> list[PricedTrade]:
    """Return the tape of an instrument, newest first."""
    trades = trades_recent(symbol=instrument.symbol, limit=limit, before=before)
    return [priced_trade(trade, instrument) for trade in trades]


def priced_trade(trade: TradeView, instrument: Instrument) -> PricedTrade:
    """Return a trade with its price in dollars."""
    return PricedTrade(**_fields(trade), usd_per_cu=usd_per_cu(instrument, trade.price_ticks))


def priced_orders(orders: list[OrderView]) -> list[PricedOrder]:
    """Return orders with their limits in dollars."""
    instruments = {instrument.symbol: instrument for instrument in instrument_list()} if orders else {}
    return [
        PricedOrder(
            **_fields(order),
            usd_per_cu=None
            if order.price_ticks is None
            else usd_per_cu(instruments[order.instrument], order.price_ticks),
        )
        for order in orders
    ]


def balances_view(organisation_id: uuid.UUID, *, as_of: datetime | None = None) -> AccountBalances:
    """Return an organisation's money, what can be traded with apart from what is still arriving."""
    own = organisation_balance(organisation_id, as_of=as_of)
    available = own.wallet_posted - own.wallet_held
    return AccountBalances(
        posted_nano_usd=own.wallet_posted,
        held_nano_usd=own.wallet_held,
        available_nano_usd=available,
        arriving_nano_usd=own.funding + own.transit,
        earnings_nano_usd=own.earnings,
        hold_back_nano_usd=own.hold_back,
        available_usd=plain_usd(available),
    )


def _fields(view: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(view)
