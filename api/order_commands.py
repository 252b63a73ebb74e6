"""From the words of the wire to the sequencer's: ids are parsed, moments become seconds. Free of Django."""

import uuid
from datetime import datetime
from typing import Any

from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.batches import Batch, BatchCancel, BatchItem, BatchReplace
from cux.wire.orders import NewOrder
from exchange.sequencer import protocol

Command = protocol.NewOrder | protocol.CancelOrder | protocol.ReplaceOrder


def new_order(order: NewOrder, organisation_id: uuid.UUID, key: str | None) -> protocol.NewOrder:
    """Return the command that places an order. Raises CuxError INVALID_FIELD."""
    return protocol.NewOrder(
        key=key,
        organisation_id=organisation_id,
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
        expires_at=epoch_s(order.expires_at) if order.expires_at is not None else None,
        display_lots=order.display_lots,
        min_lots=order.min_lots,
        all_or_none=order.all_or_none,
        only_providers=_organisations(order.only_providers, "only_providers"),
        ignore_providers=_organisations(order.ignore_providers, "ignore_providers"),
        min_window_s=order.min_window_s,
    )


def batch_items(batch: Batch, organisation_id: uuid.UUID) -> tuple[list[Command], dict[int, CuxError]]:
    """Return the commands of a batch, and by their places the items that cannot be any."""
    commands: list[Command] = []
    refused: dict[int, CuxError] = {}
    for place, item in enumerate(batch.items):
        try:
            commands.append(_command(item, organisation_id))
        except CuxError as error:
            refused[place] = error
    return commands, refused


def verdict_of(error: CuxError) -> dict[str, Any]:
    """Return the result of an item that was refused before the sequencer saw it."""
    return {"status": error.status, "body": error.body("")}


def epoch_s(instant: str) -> int:
    """Return an instant in seconds since 1970, cut to the second. Raises CuxError INVALID_FIELD."""
    try:
        return int(datetime.fromisoformat(instant).timestamp())
    except ValueError as error:
        raise CuxError(Code.INVALID_FIELD, "There is no such instant.", param="expires_at") from error


def known_order(text: str) -> uuid.UUID:
    """Return the order that a public id names. Raises CuxError UNKNOWN_ORDER for one that names none."""
    order_id = parse_public_id("order", text)
    if order_id is None:
        raise CuxError(Code.UNKNOWN_ORDER)
    return order_id


def _command(item: BatchItem, organisation_id: uuid.UUID) -> Command:
    match item:
        case BatchCancel():
            order_id = known_order(item.order_id) if item.order_id is not None else None
            return protocol.CancelOrder(organisation_id, None, order_id, item.client_order_id)
        case BatchReplace():
            order_id = known_order(item.order_id)
            return protocol.ReplaceOrder(
                organisation_id, None, order_id, item.price_ticks, item.quantity_lots
            )
        case _:
            return new_order(item, organisation_id, None)


def _organisations(public_ids: list[str], param: str) -> tuple[uuid.UUID, ...]:
    if not public_ids:
        return ()
    ids = [parse_public_id("organisation", each) for each in public_ids]
    if None in ids:
        raise CuxError(Code.INVALID_FIELD, "Expected ids of organisations.", param=param)
    return tuple(id for id in ids if id is not None)
