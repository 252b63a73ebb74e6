"""The hot path: new, replaced and cancelled orders go straight to the sequencer, past Django.

Nothing here decides anything: the key is checked, the body parsed strictly, and the sequencer's verdict
handed back. Prices are ticks and quantities lots, both integers.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

from accounts.keys import KeyFacts
from api.auth import authenticate_trader
from api.http import Request, Response, field_value, parse_json, request_id
from api.order_commands import batch_items, known_order, new_order, verdict_of
from api.rate_limits import allowance_headers
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.batches import Batch, DeadMan, StandingOffer
from cux.wire.orders import NewOrder, ReplaceOrder, Side
from exchange.sequencer import client, protocol

T = TypeVar("T")


async def place(request: Request) -> Response:
    """POST /v1/orders: place an order. 201 with the order as it stands after matching."""
    key = await authenticate_trader(request)
    order = await _order_body(request, NewOrder)
    command = new_order(order, key.organisation_id, request.idempotency_key())
    return await _submit(command, key)


async def preview(request: Request) -> Response:
    """POST /v1/orders/preview: what the order would come to now. Nothing is placed."""
    key = await authenticate_trader(request)
    order = await _order_body(request, NewOrder)
    return await _submit(protocol.Preview(new_order(order, key.organisation_id, None)), key)


async def batch(request: Request) -> Response:
    """POST /v1/orders/batch: up to 200 orders, cancellations and replacements, each with its own result."""
    key = await authenticate_trader(request)
    asked = await _order_body(request, Batch)
    items, refused = batch_items(asked, key.organisation_id)
    if not items:
        return Response(body=_results(b'{"results":[]}', refused))
    command = protocol.Batch(key.organisation_id, request.idempotency_key(), tuple(items))
    return await _submit(command, key, lambda body: _results(body, refused))


async def replace(request: Request) -> Response:
    """POST /v1/orders/{order_id}/replace: another price and open quantity for an open order."""
    key = await authenticate_trader(request)
    order_id = known_order(request.params["order_id"])
    body = await _order_body(request, ReplaceOrder)
    command = protocol.ReplaceOrder(
        key=request.idempotency_key(),
        organisation_id=key.organisation_id,
        order_id=order_id,
        price_ticks=body.price_ticks,
        quantity_lots=body.quantity_lots,
    )
    return await _submit(command, key)


async def cancel(request: Request) -> Response:
    """DELETE /v1/orders/{order_id}: cancel an open order."""
    key = await authenticate_trader(request)
    command = protocol.CancelOrder(
        key=request.idempotency_key(),
        organisation_id=key.organisation_id,
        order_id=known_order(request.params["order_id"]),
    )
    return await _submit(command, key)


async def cancel_all(request: Request) -> Response:
    """DELETE /v1/orders: cancel all open orders, or those that fit the query."""
    key = await authenticate_trader(request)
    query = request.query
    unknown = sorted(set(query) - {"instrument", "side", "client_order_id_prefix"})
    if unknown:
        raise CuxError(Code.INVALID_FIELD, f"There is no parameter `{unknown[0]}`.", param=unknown[0])
    if query.get("side") not in (None, "buy", "sell"):
        raise CuxError(Code.INVALID_FIELD, "`side` is `buy` or `sell`.", param="side")
    command = protocol.CancelAll(
        key=request.idempotency_key(),
        organisation_id=key.organisation_id,
        instrument=query.get("instrument"),
        side=cast(Side | None, query.get("side")),
        client_order_id_prefix=query.get("client_order_id_prefix"),
    )
    return await _submit(command, key)


async def dead_man(request: Request) -> Response:
    """PUT /v1/dead-man: cancel everything in `timeout_s` unless this is said again; 0 switches it off."""
    key = await authenticate_trader(request)
    asked = parse_json(await request.json_body(), DeadMan)
    command = protocol.SetDeadMan(key.organisation_id, asked.timeout_s, request.idempotency_key())
    return await _submit(command, key)


async def set_offer(request: Request) -> Response:
    """PUT /v1/standing-offers: offer idle capacity in every auction of an instrument."""
    key = await authenticate_trader(request)
    offer = await _order_body(request, StandingOffer)
    command = protocol.SetStandingOffer(
        key.organisation_id,
        offer.instrument,
        offer.price_ticks,
        offer.quantity_lots,
        request.idempotency_key(),
    )
    return await _submit(command, key)


async def withdraw_offer(request: Request) -> Response:
    """DELETE /v1/standing-offers/{standing_offer_id}: enter no further auction."""
    key = await authenticate_trader(request)
    offer_id = parse_public_id("standing_offer", request.params["standing_offer_id"])
    if offer_id is None:
        raise CuxError(Code.UNKNOWN_STANDING_OFFER)
    command = protocol.WithdrawStandingOffer(key.organisation_id, offer_id, request.idempotency_key())
    return await _submit(command, key)


async def _order_body(request: Request, shape: type[T]) -> T:
    body = await request.json_body()
    try:
        return parse_json(body, shape)
    except CuxError as refused:
        raise _in_trading_words(refused, body) from refused


def _in_trading_words(refused: CuxError, body: bytes) -> CuxError:
    """Return the refusal with the code that traders know, where there is one for the field."""
    value = field_value(body, refused.param or "")
    if refused.code is Code.NUMBER_TOO_LARGE:
        return refused
    if refused.param == "price_ticks" and isinstance(value, float):
        return CuxError(Code.PRICE_NOT_ON_TICK, param="price_ticks")
    if refused.param == "quantity_lots" and type(value) is int:
        return CuxError(Code.QUANTITY_OUT_OF_RANGE, refused.message, param="quantity_lots")
    return refused


async def _submit(
    command: protocol.Command, key: KeyFacts, shown: Callable[[bytes], bytes] | None = None
) -> Response:
    """Return what the sequencer says to a command, as it says it; `shown` adds to what is no error."""
    caller = protocol.Caller(key.key_id, key.order_limit, key.order_window_s)
    reply = await client.ask(command, caller)
    body = reply.body
    if reply.status >= 400:
        body = msgspec.json.encode(_with_request_id(msgspec.json.decode(body)))
    elif shown is not None:
        body = shown(body)
    return Response(reply.status, body, headers=allowance_headers(reply.allowance))


def _results(body: bytes, refused: dict[int, CuxError]) -> bytes:
    """Return the results of a batch: what was decided, with what was refused here in its place.

    Where nothing was refused, which a body without this name in it tells (a quote inside of a string would
    be escaped), they stand as they are.
    """
    if not refused and b'"error":' not in body:
        return body
    decided = msgspec.json.decode(body)["results"]
    rest = iter(decided)
    results = [
        verdict_of(refused[place]) if place in refused else next(rest)
        for place in range(len(decided) + len(refused))
    ]
    for result in results:
        if "error" in result["body"]:
            result["body"] = _with_request_id(result["body"])
    return msgspec.json.encode({"results": results})


def _with_request_id(body: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"param": None, **body["error"], "request_id": request_id()}}
