"""Undoing trades by two operators, and what surveillance finds. The scope `operate` is needed."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanOperate, caller
from api.openapi import list_of, parameter, ref
from api.v1.bodies import asked
from api.v1.pages import moment_of, refuse_unknown
from core.clock import rfc3339, utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id, public_id
from cux.wire.operators import BustRequest, BustView, FindingView
from exchange.models import Bust
from exchange.selectors.busts import bust_list
from exchange.selectors.surveillance import surveillance_findings
from exchange.services.trade_bust import bust_approve, bust_request

LONGEST: Final = timedelta(days=31)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


@extend_schema(
    methods=["GET"],
    operation_id="operator_busts_list",
    tags=["operators"],
    responses={200: list_of(BustView)},
)
@extend_schema(
    methods=["POST"],
    operation_id="operator_bust_request",
    tags=["operators"],
    description="Ask for a trade to be undone; another operator has to approve it. Asked again it answers "
    "what was asked first. Needs the scope `operate`.",
    request={"application/json": ref(BustRequest)},
    responses={200: ref(BustView)},
)
@api_view(["GET", "POST"])
@permission_classes([CanOperate])
def busts(request: Request) -> Response:
    """List the latest 200 busts, asked for or done, newest first. Needs the scope `operate`."""
    if request.method == "GET":
        refuse_unknown(request)
        return Response({"data": [_view(row) for row in bust_list()]})
    wanted = asked(request, BustRequest)
    bust = bust_request(
        trade_id=_trade_id(wanted.trade_id),
        requested_by=_operator(request),
        reason=wanted.reason,
        now=utc_now(),
    )
    return Response(_view(bust))


@extend_schema(
    operation_id="operator_bust_approve", tags=["operators"], request=None, responses={200: ref(BustView)}
)
@api_view(["POST"])
@permission_classes([CanOperate])
def bust_approval(request: Request, trade_id: str) -> Response:
    """Undo a trade for which another operator asked; done before, it answers what was done."""
    refuse_unknown(request)
    return Response(
        _view(bust_approve(trade_id=_trade_id(trade_id), approved_by=_operator(request), now=utc_now()))
    )


@extend_schema(
    operation_id="operator_surveillance",
    tags=["operators"],
    parameters=[
        parameter("start", "string", "RFC 3339 in UTC; a day before the end if absent."),
        parameter("end", "string", "RFC 3339 in UTC; now if absent."),
    ],
    responses={200: list_of(FindingView)},
)
@api_view(["GET"])
@permission_classes([CanOperate])
def surveillance(request: Request) -> Response:
    """List the conduct of a period, of 31 days at most, that somebody should look at."""
    refuse_unknown(request, "start", "end")
    end = moment_of(request, "end") or utc_now()
    if end < EARLIEST:
        raise CuxError(Code.INVALID_FIELD, "There was no market then.", param="end")
    start = moment_of(request, "start") or end - timedelta(days=1)
    if start >= end or end - start > LONGEST:
        raise CuxError(Code.INVALID_FIELD, "A period of 31 days at most.", param="start")
    return Response({"data": surveillance_findings(start=start, end=end)})


def _operator(request: Request) -> str:
    return public_id("key", caller(request).key_id)


def _trade_id(text: str) -> uuid.UUID:
    trade_id = parse_public_id("trade", text)
    if trade_id is None:
        raise CuxError(Code.NOT_FOUND, "There is no such trade.", param="trade_id")
    return trade_id


def _view(row: Bust) -> BustView:
    return msgspec.convert(
        {
            "trade_id": public_id("trade", row.trade_id),
            "instrument": row.trade.instrument.symbol,
            "price_ticks": row.trade.price_ticks,
            "quantity_lots": row.trade.quantity_lots,
            "reason": row.reason,
            "requested_by": row.requested_by,
            "approved_by": row.approved_by or None,
            "requested_at": rfc3339(row.requested_at),
            "busted_at": rfc3339(row.busted_at) if row.busted_at else None,
        },
        BustView,
    )
