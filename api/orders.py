"""The hot path: new, replaced and cancelled orders go straight to the sequencer, past Django.

Nothing here decides anything: the key is checked, the body parsed strictly, and the sequencer's verdict
handed back. Prices are ticks and quantities lots, both integers.
"""

import uuid
from datetime import datetime
from typing import TypeVar

from accounts.keys import KeyFacts
from api.auth import authenticate_trader
from api.http import Request, Response, field_value, json_response, parse_json, request_id
from api.rate_limits import allowance_headers
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.batches import DeadMan, StandingOffer
from cux.wire.orders import NewOrder, ReplaceOrder
from exchange.sequencer import client, protocol

T = TypeVar("T")


async def place(request: Request) -> Response:
    """POST /v1/orders: place an order. 201 with the order as it stands after matching."""
    key = await authenticate_trader(request)
    order = await _order_body(request, NewOrder)
    command = protocol.NewOrder(
        key=request.idempotency_key(),
        organisation_id=key.organisation_id,
        instrument=order.instrument,
        side=order.side,
        type=order.type,
        tif=order.tif,
        price_ticks=order.price_ticks,
        quantity_lots=order.quantity_lots,
        budget_nano_usd=order.budget_nano_usd,
        client_order_id=order.client_order_id,
        post_only=order.post_only,
        stp=order.stp,
        expires_at=_epoch_s(order.expires_at),
        display_lots=order.display_lots,
        min_lots=order.min_lots,
        all_or_none=order.all_or_none,
        only_providers=_organisations(order.only_providers, "only_providers"),
        ignore_providers=_organisations(order.ignore_providers, "ignore_providers"),
        min_window_s=order.min_window_s,
    )
    return await _submit(command, key)


async def replace(request: Request) -> Response:
    """POST /v1/orders/{order_id}/replace: another price and open quantity for an open order."""
    key = await authenticate_trader(request)
    order_id = _order_id(request)
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
        key=request.idempotency_key(), organisation_id=key.organisation_id, order_id=_order_id(request)
    )
    return await _submit(command, key)


async def cancel_all(request: Request) -> Response:
    """DELETE /v1/orders: cancel all open orders; `?instrument=` limits it to one book."""
    key = await authenticate_trader(request)
    unknown = sorted(set(request.query) - {"instrument"})
    if unknown:
        raise CuxError(Code.INVALID_FIELD, f"There is no parameter `{unknown[0]}`.", param=unknown[0])
    command = protocol.CancelAll(
        key=request.idempotency_key(),
        organisation_id=key.organisation_id,
        instrument=request.query.get("instrument"),
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


def _epoch_s(instant: str | None) -> int | None:
    try:
        return None if instant is None else int(datetime.fromisoformat(instant).timestamp())
    except ValueError as error:
        raise CuxError(Code.INVALID_FIELD, "There is no such instant.", param="expires_at") from error


def _organisations(public_ids: list[str], param: str) -> tuple[uuid.UUID, ...]:
    ids = [parse_public_id("organisation", each) for each in public_ids]
    if None in ids:
        raise CuxError(Code.INVALID_FIELD, "Expected ids of organisations.", param=param)
    return tuple(id for id in ids if id is not None)


def _order_id(request: Request) -> uuid.UUID:
    order_id = parse_public_id("order", request.params["order_id"])
    if order_id is None:
        raise CuxError(Code.UNKNOWN_ORDER)
    return order_id


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


async def _submit(command: protocol.Command, key: KeyFacts) -> Response:
    caller = protocol.Caller(key.key_id, key.order_limit, key.order_window_s)
    reply = await client.ask(command, caller)
    verdict, headers = reply.verdict, allowance_headers(reply.allowance)
    body = verdict.body
    if "error" in body:
        body = {"error": {"param": None, **body["error"], "request_id": request_id()}}
    return json_response(body, status=verdict.status, headers=headers)
