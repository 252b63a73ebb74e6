"""Public market data over time: candles, 24-hour statistics, the CU price index. No key is needed."""

from typing import get_args

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import list_of, page_of, parameter, ref
from api.v1.account import CURSOR, LIMIT
from api.v1.pages import bad_cursor, cursor_of, limit_of, moment_of, page, parse_moment, refuse_unknown
from core.clock import utc_now
from core.errors import Code, CuxError
from cux.wire.market import CandleInterval, CandleView, IndexView, StatsView
from exchange.selectors.candles import candle_list
from exchange.selectors.index import index_history, index_latest
from exchange.selectors.stats import market_stats


@extend_schema(
    operation_id="candles_list",
    tags=["market"],
    parameters=[
        parameter("interval", "string", "How long each is; `1m` if absent.", get_args(CandleInterval)),
        parameter("start", "string", "RFC 3339 in UTC; 200 intervals before the end if absent."),
        parameter("end", "string", "RFC 3339 in UTC; now if absent."),
    ],
    responses={200: list_of(CandleView)},
)
@api_view(["GET"])
def candles(request: Request, symbol: str) -> Response:
    """List an instrument's candles from `start` to `end`, oldest first, without gaps, at most 1,000."""
    refuse_unknown(request, "interval", "start", "end")
    rows = candle_list(
        symbol=symbol,
        interval=request.query_params.get("interval", "1m"),
        now=utc_now(),
        start=moment_of(request, "start"),
        end=moment_of(request, "end"),
    )
    return Response({"data": rows})


@extend_schema(operation_id="stats_get", tags=["market"], responses={200: ref(StatsView)})
@api_view(["GET"])
def stats(request: Request, symbol: str) -> Response:
    """Show what an instrument did in the last 24 hours."""
    refuse_unknown(request)
    return Response(market_stats(symbol=symbol, now=utc_now()))


@extend_schema(operation_id="index_list", tags=["market"], responses={200: list_of(IndexView)})
@api_view(["GET"])
def index(request: Request) -> Response:
    """Show the newest value of the CU price index of each compute class, and of all (`overall`)."""
    refuse_unknown(request)
    return Response({"data": index_latest()})


@extend_schema(
    operation_id="index_history",
    tags=["market"],
    parameters=[LIMIT, CURSOR],
    responses={200: page_of(IndexView)},
)
@api_view(["GET"])
def index_of(request: Request, code: str) -> Response:
    """List the published values of one index, newest first."""
    refuse_unknown(request, "limit", "cursor")
    limit, cursor = limit_of(request), cursor_of(request)
    try:
        before = parse_moment(cursor, "cursor") if cursor is not None else None
    except CuxError as malformed:
        raise bad_cursor() from malformed
    if not 0 < len(code) <= 60 or "\0" in code:
        raise CuxError(Code.NOT_FOUND, "No price index is published under this name.")
    return Response(page(index_history(code=code, limit=limit + 1, before=before), limit, "at"))
