"""Public market data: instruments, books, trades. No key is needed."""

from typing import Literal, cast

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import list_of, page_of, parameter, ref
from api.v1.figures import book_view, instrument_get, trade_views, usd_per_cu
from api.v1.pages import bad_cursor, cursor_of, int_of, limit_of, page, refuse_unknown
from api.v1.shapes import InstrumentView, PricedBook, PricedTrade
from cux.wire.orders import Phase
from exchange.models import Instrument
from exchange.selectors.instruments import instrument_list


@extend_schema(operation_id="instruments_list", tags=["market"], responses={200: list_of(InstrumentView)})
@api_view(["GET"])
def instruments(request: Request) -> Response:
    """List all instruments with their increments, bands, fees and phase."""
    refuse_unknown(request)
    return Response({"data": [_view(instrument) for instrument in instrument_list()]})


@extend_schema(operation_id="instrument_get", tags=["market"], responses={200: ref(InstrumentView)})
@api_view(["GET"])
def instrument(request: Request, symbol: str) -> Response:
    """Show one instrument."""
    refuse_unknown(request)
    return Response(_view(instrument_get(symbol)))


@extend_schema(
    operation_id="book_get",
    tags=["market"],
    parameters=[parameter("depth", "integer", "Levels per side, 1 to 200; 20 if absent.")],
    responses={200: ref(PricedBook)},
)
@api_view(["GET"])
def book(request: Request, symbol: str) -> Response:
    """Show the aggregated book, best price first on each side."""
    refuse_unknown(request, "depth")
    depth = int_of(request, "depth", default=20, most=200)
    return Response(book_view(instrument_get(symbol), depth))


@extend_schema(
    operation_id="trades_list",
    tags=["market"],
    parameters=[
        parameter("limit", "integer", "At most this many, 1 to 200; 50 if absent."),
        parameter("cursor", "string", "`next_cursor` of the page before."),
    ],
    responses={200: page_of(PricedTrade)},
)
@api_view(["GET"])
def trades(request: Request, symbol: str) -> Response:
    """List an instrument's trades, newest first."""
    refuse_unknown(request, "limit", "cursor")
    limit = limit_of(request)
    cursor = cursor_of(request)
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise bad_cursor()
    before = int(cursor) if cursor is not None else None
    return Response(page(trade_views(instrument_get(symbol), limit=limit + 1, before=before), limit, "seq"))


def _view(row: Instrument) -> InstrumentView:
    return InstrumentView(
        instrument=row.symbol,
        compute_class=row.compute_class_id,
        model=row.compute_class.model,
        delivery=cast(Literal["spot", "idle"], row.delivery),
        phase=cast(Phase, row.phase),
        lot_ucu=row.lot_ucu,
        tick_nano_usd=row.tick_nano_usd,
        tick_usd_per_cu=usd_per_cu(row, 1),
        band_low_ticks=row.band_low_ticks,
        band_high_ticks=row.band_high_ticks,
        band_ppm=row.band_ppm,
        volatility_ppm=row.volatility_ppm,
        volatility_auction_s=row.volatility_auction_s,
        min_order_lots=row.min_order_lots,
        max_order_lots=row.max_order_lots,
        max_notional_nano_usd=row.max_notional_nano_usd,
        max_open_orders=row.max_open_orders,
        maker_fee_ppm=row.maker_fee_ppm,
        taker_fee_ppm=row.taker_fee_ppm,
        window_s=row.window_s,
    )
