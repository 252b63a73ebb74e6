"""Plays the journal again: commands with their verdicts must give the books that the rows give."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import psycopg

from core.ids import parse_public_id
from exchange.engine import Engine
from exchange.engine import Order as EngineOrder
from exchange.sequencer import protocol as p
from exchange.sequencer.facts import Instrument

_JOURNAL = "SELECT payload::text, verdict::text FROM exchange_command ORDER BY sequence"


def read_journal(connection: psycopg.Connection[Any]) -> Iterator[tuple[p.Command, p.Verdict]]:
    """Give every sequenced command with its verdict, in order, without loading all at once."""
    with connection.cursor("replay") as cursor:
        for payload, verdict in cursor.execute(_JOURNAL):
            yield (
                msgspec.json.decode(payload, type=p.Command),
                msgspec.json.decode(verdict, type=p.Verdict),
            )


def replay(
    journal: Iterable[tuple[p.Command, p.Verdict]], instruments: dict[str, Instrument]
) -> dict[str, Engine]:
    """Return the engines after the journal, by symbol. Refused commands changed nothing, and still do not."""
    engines = {symbol: Engine() for symbol in instruments}
    homes: dict[str, str] = {}
    for command, verdict in journal:
        if verdict.status < 300:
            _apply(command, verdict.body, engines, homes, instruments)
    return engines


def _apply(
    command: p.Command,
    body: dict[str, Any],
    engines: dict[str, Engine],
    homes: dict[str, str],
    instruments: dict[str, Instrument],
) -> None:
    """Apply an accepted command. `homes` remembers the instrument of each order."""
    match command:
        case p.NewOrder():
            order = engine_order(command, _hex(body["order_id"]), instruments[command.instrument])
            homes[order.id] = command.instrument
            engines[command.instrument].new(order)
        case p.CancelOrder():
            id = _hex(body["order_id"])
            engines[homes[id]].cancel(id)
        case p.ReplaceOrder():
            id = command.order_id.hex
            engines[homes[id]].replace(id, command.price_ticks, command.quantity_lots)
        case p.CancelAll() | p.SetCapacity():
            for id in map(_hex, body.get("canceled", [])):  # capacity's first verdicts had none
                engines[homes[id]].cancel(id)
        case p.SetPhase():
            engines[command.instrument].phase(command.phase)
        case _:
            pass


def engine_order(command: p.NewOrder, id: str, instrument: Instrument) -> EngineOrder:
    """Return a command's order as an engine takes it: a market order is a limit at its protection."""
    limit = command.price_ticks
    if limit is None:
        limit = instrument.protection_ticks(command.side)
    return EngineOrder(
        id=id,
        account=command.organisation_id.hex,
        side=command.side,
        tif=command.tif,
        price=limit,
        qty=command.quantity_lots,
        post_only=command.post_only,
        stp=command.stp,
    )


def _hex(order_id: str) -> str:
    parsed = parse_public_id("order", order_id)
    assert parsed is not None
    return parsed.hex
