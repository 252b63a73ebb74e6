"""The SQL of a batch: a few statements over whole columns, pipelined, whatever the batch's size."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg import pq

from billing.services.ledger_post import ledger_statement
from billing.services.posting_arguments import text_array
from core.ids import new_id
from core.pipe import Pipe, Statement
from exchange.sequencer.announce import Told, account_events, market_events
from exchange.sequencer.bulk import Row, bulk, together
from exchange.sequencer.changes import Changes, Journaled
from exchange.sequencer.money import Trade
from exchange.sequencer.owner import FencedOffError
from exchange.sequencer.protocol import Verdict, kind_of, owner_of
from exchange.sequencer.records import records
from exchange.sequencer.state import OrderState, State

_pack = msgspec.msgpack.Encoder().encode
_encode = msgspec.json.Encoder().encode
decode_verdict = msgspec.json.Decoder(Verdict).decode
Known = dict[tuple[uuid.UUID, str], tuple[bytes, Verdict]]
"""Verdicts by owner and key, with the digest of the command that had it."""
Name = tuple[uuid.UUID, str]
"""An organisation, and a key or client_order_id of its own."""

_FENCE = "UPDATE exchange_sequencerowner SET epoch = epoch WHERE shard = $1 AND epoch = $2 RETURNING epoch"
# LATERAL with LIMIT: one look-up in the index each, whatever the planner knows of the tables.
_KNOWN = """
    SELECT asked.number, c.body_sha256, c.verdict
    FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS asked(organisation_id, key, number)
    CROSS JOIN LATERAL (SELECT body_sha256, verdict FROM exchange_command
        WHERE organisation_id = asked.organisation_id AND key = asked.key LIMIT 1) c"""
_CLIENT_IDS = """
    SELECT asked.number
    FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS asked(organisation_id, client_order_id, number)
    CROSS JOIN LATERAL (SELECT FROM exchange_order
        WHERE organisation_id = asked.organisation_id AND client_order_id = asked.client_order_id
        LIMIT 1) o"""


_ORDER_FIXED = {
    "id": "uuid",
    "instrument_id": "uuid",
    "organisation_id": "uuid",
    "beneficiary_id": "uuid",
    "client_order_id": "text",
    "side": "text",
    "type": "text",
    "time_in_force": "text",
    "post_only": "boolean",
    "self_trade_prevention": "text",
    "display_lots": "bigint",
    "min_lots": "bigint",
    "budget_nano_usd": "bigint",
    "expires_at": "timestamptz",
    "entitlement_id": "uuid",
    "maker_fee_ppm": "integer",
    "taker_fee_ppm": "integer",
    "created_at": "timestamptz",
}
_ORDER_CHANGING = {
    "price_ticks": "bigint",
    "limit_ticks": "bigint",
    "slice_lots": "bigint",
    "auction_id": "uuid",
    "quantity_lots": "bigint",
    "leaves_lots": "bigint",
    "cumulative_lots": "bigint",
    "notional_nano_usd": "bigint",
    "fee_nano_usd": "bigint",
    "status": "text",
    "reason": "text",
    "priority": "bigint",
    "updated_at": "timestamptz",
}
_ORDERS = bulk(
    "exchange_order",
    _ORDER_FIXED | _ORDER_CHANGING,
    "ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{name} = EXCLUDED.{name}" for name in _ORDER_CHANGING),
    parameter=1,
)
_TRADES = bulk(
    "exchange_trade",
    {
        "id": "uuid",
        "instrument_id": "uuid",
        "sequence": "bigint",
        "price_ticks": "bigint",
        "quantity_lots": "bigint",
        "notional_nano_usd": "bigint",
        "buyer_fee_nano_usd": "bigint",
        "seller_fee_nano_usd": "bigint",
        "taker_side": "text",
        "buy_order_id": "uuid",
        "sell_order_id": "uuid",
        "traded_at": "timestamptz",
        "is_self": "boolean",
        "is_selective": "boolean",
        "is_resale": "boolean",
        "auction_id": "uuid",
    },
)
_ENTITLEMENTS = bulk(
    "exchange_entitlement",
    {
        "id": "uuid",
        "trade_id": "uuid",
        "instrument_id": "uuid",
        "holder_id": "uuid",
        "provider_id": "uuid",
        "origin_id": "uuid",
        "quantity_ucu": "bigint",
        "escrow_nano_usd": "bigint",
        "fee_nano_usd": "bigint",
        "starts_at": "timestamptz",
        "ends_at": "timestamptz",
        "state": "text",
    },
)
_JOURNAL = bulk(
    "exchange_command",
    {
        "sequence": "bigint",
        "kind": "text",
        "organisation_id": "uuid",
        "key": "text",
        "body_sha256": "bytea",
        "payload": "text",
        "verdict": "text",
        "effects": "bytea",
        "decided_at": "timestamptz",
    },
    parameter=2,
)
_MARKET_EVENTS = bulk(
    "exchange_marketevent",
    {"instrument_id": "uuid", "sequence": "bigint", "at": "timestamptz", "payload": "text"},
    parameter=3,
)
_ACCOUNT_EVENTS = bulk(
    "exchange_accountevent",
    {"organisation_id": "uuid", "sequence": "bigint", "at": "timestamptz", "payload": "text"},
    parameter=4,
)
_CAPACITIES = bulk(
    "exchange_capacity",
    {
        "id": "uuid",
        "organisation_id": "uuid",
        "compute_class_id": "text",
        "rate_ucu_per_s": "bigint",
        "tier_factor_ppm": "integer",
        "updated_at": "timestamptz",
    },
    "ON CONFLICT (organisation_id, compute_class_id) DO UPDATE SET rate_ucu_per_s = EXCLUDED.rate_ucu_per_s,"
    " tier_factor_ppm = EXCLUDED.tier_factor_ppm, updated_at = EXCLUDED.updated_at",
)
_DEAD_MEN = bulk(
    "exchange_deadman",
    {"organisation_id": "uuid", "timeout_s": "integer", "expires_at": "timestamptz"},
    "ON CONFLICT (organisation_id) DO UPDATE SET timeout_s = EXCLUDED.timeout_s,"
    " expires_at = EXCLUDED.expires_at",
)
_PHASES = """
    UPDATE exchange_instrument i SET phase = r.phase
    FROM json_to_recordset($1::json) AS r (id uuid, phase text) WHERE i.id = r.id"""
_NOTIFY = (
    "SELECT pg_notify(channel, payload) FROM json_to_recordset($5::json) AS r (channel text, payload text)"
)
_ALWAYS = together((_ORDERS, _JOURNAL, _MARKET_EVENTS, _ACCOUNT_EVENTS), _NOTIFY)
"""What nearly every batch writes."""


_BEGIN = Statement("BEGIN")
_COMMIT = Statement("COMMIT")


class Store:
    """The database session of the sequencer: one batch is one transaction in two round trips."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Use this session, which is outside of any transaction."""
        self._connection = connection
        self._pipe = Pipe(connection)

    def open_batch(
        self, *, shard: str, epoch: int, keys: Sequence[Name], client_ids: Sequence[Name]
    ) -> tuple[Known, set[Name]]:
        """Begin a transaction, fence it, and look up which of these keys and client order ids are taken.

        Raises:
            FencedOffError: another sequencer has raised the epoch.
        """
        _, fence, known, ids = self._pipe.run(
            [
                _BEGIN,
                Statement(_FENCE, [shard.encode(), b"%d" % epoch]),
                Statement(_KNOWN, _columns(keys)),
                Statement(_CLIENT_IDS, _columns(client_ids)),
            ]
        )
        if not fence.ntuples:
            raise FencedOffError(f"epoch {epoch} of shard {shard} is over")
        verdicts = {
            keys[int(number) - 1]: (bytes.fromhex(digest[2:].decode()), decode_verdict(verdict))
            for number, digest, verdict in _rows(known)
        }
        return verdicts, {client_ids[int(number) - 1] for (number,) in _rows(ids)}

    def write(self, changes: Changes, state: State, *, commit: bool) -> None:
        """Write the rows of a batch, the ledger's too, and what announces it; then commit, if asked to."""
        self._pipe.run(_statements(changes, state, commit=commit))

    def commit(self) -> None:
        """End the transaction."""
        self._pipe.run([_COMMIT])

    def roll_back(self) -> None:
        """Take back what a batch did that failed, unless the session is gone (and with it the batch)."""
        if not self._connection.closed:
            self._connection.rollback()


def _statements(changes: Changes, state: State, *, commit: bool) -> Iterator[Statement]:
    """Give what a batch writes; the ledger's first, so that the server posts while the rows are made."""
    now, steps = changes.now, changes.steps
    if changes.entries or changes.placements or steps:
        yield ledger_statement(
            entries=changes.entries,
            placements=changes.placements,
            steps=steps,
            issue_floors=changes.issue_floors,
            now=now,
        )
    always = (
        [_order_row(order, now) for order in changes.orders.values()],
        [_journal_row(journaled, now) for journaled in changes.journal],
        [_event_row("instrument_id", event, now) for event in market_events(changes)],
        [_event_row("organisation_id", event, now) for event in account_events(state, changes)],
        _announcements(changes),
    )
    yield Statement(_ALWAYS, [_encode(rows) for rows in always])
    sometimes = (
        (_TRADES, [_trade_row(trade) for trade in changes.trades]),
        (_ENTITLEMENTS, [row for trade in changes.trades for row in _entitlement_rows(trade)]),
        (_CAPACITIES, [_capacity_row(claim, changes) for claim in changes.backings]),
        (_DEAD_MEN, _dead_man_rows(changes)),
        (_PHASES, _phase_rows(changes)),
        *records(changes),
    )
    for statement, rows in sometimes:
        if rows:
            yield Statement(statement, [_encode(rows)])
    if commit:
        yield _COMMIT


def _columns(names: Sequence[Name]) -> list[bytes]:
    """Return two arrays: the organisations, and their keys."""
    owners = ",".join([owner.hex for owner, _ in names])
    return [f"{{{owners}}}".encode(), text_array([name for _, name in names]).encode()]


def _rows(result: pq.abc.PGresult) -> Iterator[list[bytes]]:
    """Give a result's rows in text form; nothing in them is NULL."""
    for row in range(result.ntuples):
        yield [result.get_value(row, column) or b"" for column in range(result.nfields)]


def _order_row(order: OrderState, now: datetime) -> Row:
    return {
        "id": order.id,
        "instrument_id": order.instrument.id,
        "organisation_id": order.organisation_id,
        "beneficiary_id": order.beneficiary_id,
        "client_order_id": order.client_order_id,
        "side": order.side,
        "type": order.type,
        "time_in_force": order.tif,
        "post_only": order.post_only,
        "self_trade_prevention": order.stp,
        "display_lots": order.display_lots,
        "min_lots": order.min_lots,
        "budget_nano_usd": order.budget_nano_usd,
        "expires_at": order.expires_at,
        "entitlement_id": order.entitlement_id,
        "maker_fee_ppm": order.maker_fee_ppm,
        "taker_fee_ppm": order.taker_fee_ppm,
        "created_at": order.created_at,
        "price_ticks": order.price_ticks,
        "limit_ticks": order.limit_ticks,
        "slice_lots": order.slice_lots,
        "auction_id": order.auction_id,
        "quantity_lots": order.quantity_lots,
        "leaves_lots": order.leaves_lots,
        "cumulative_lots": order.cumulative_lots,
        "notional_nano_usd": order.notional_nano_usd,
        "fee_nano_usd": order.fee_nano_usd,
        "status": order.status,
        "reason": order.reason,
        "priority": order.priority,
        "updated_at": now,
    }


def _trade_row(trade: Trade) -> Row:
    return {
        "id": trade.id,
        "instrument_id": trade.instrument.id,
        "sequence": trade.sequence,
        "price_ticks": trade.price_ticks,
        "quantity_lots": trade.quantity_lots,
        "notional_nano_usd": trade.notional_nano_usd,
        "buyer_fee_nano_usd": trade.buyer_fee_nano_usd,
        "seller_fee_nano_usd": trade.seller_fee_nano_usd,
        "taker_side": "buy" if trade.taker_is_buyer else "sell",
        "buy_order_id": trade.buy_order_id,
        "sell_order_id": trade.sell_order_id,
        "traded_at": trade.traded_at,
        "is_self": trade.is_self,
        "is_selective": trade.is_selective,
        "is_resale": trade.is_resale,
        "auction_id": trade.auction_id,
    }


def _entitlement_rows(trade: Trade) -> list[Row]:
    return [
        {
            "id": holding.entitlement_id,
            "trade_id": trade.id,
            "instrument_id": trade.instrument.id,
            "holder_id": holding.holder_id,
            "provider_id": trade.provider_id,
            "origin_id": trade.source and trade.source.entitlement_id,
            "quantity_ucu": holding.quantity_ucu,
            "escrow_nano_usd": holding.escrow_nano_usd,
            "fee_nano_usd": holding.fees_nano_usd,
            "starts_at": trade.traded_at,
            "ends_at": trade.ends_at,
            "state": "live",
        }
        for holding in trade.holdings
    ]


def _capacity_row(claim: tuple[uuid.UUID, str], changes: Changes) -> Row:
    backing = changes.backings[claim]
    return {
        "id": new_id(),
        "organisation_id": claim[0],
        "compute_class_id": claim[1],
        "rate_ucu_per_s": backing.rate_ucu_per_s,
        "tier_factor_ppm": backing.tier_factor_ppm,
        "updated_at": changes.now,
    }


def _dead_man_rows(changes: Changes) -> list[Row]:
    return [{"organisation_id": id, **switch._asdict()} for id, switch in changes.dead_men.items()]


def _journal_row(journaled: Journaled, now: datetime) -> Row:
    return {
        "sequence": journaled.sequence,
        "kind": kind_of(journaled.command),
        "organisation_id": owner_of(journaled.command),
        "key": journaled.key,
        "body_sha256": f"\\x{journaled.body_sha256.hex()}",
        "payload": _json(journaled.command),
        "verdict": _json(journaled.verdict),
        "effects": f"\\x{_pack(journaled.effects).hex()}" if journaled.effects else None,
        "decided_at": now,
    }


def _phase_rows(changes: Changes) -> list[Row]:
    return [
        {"id": change.market.instrument.id, "phase": change.phase}
        for change in changes.markets.values()
        if change.phase is not None
    ]


def _event_row(owner: str, event: Told, now: datetime) -> Row:
    return {owner: event.owner_id, "sequence": event.sequence, "at": now, "payload": event.payload}


def _json(value: object) -> str:
    return _encode(value).decode()


def _announcements(changes: Changes) -> list[Row]:
    """Return the notifications: each market that changed with its number of trades, each account."""
    markets = [
        {"channel": "cux_market", "payload": _json({"instrument": symbol, "trades": len(change.trades)})}
        for symbol, change in changes.markets.items()
    ]
    accounts = [{"channel": "cux_account", "payload": str(id)} for id in changes.accounts]
    return markets + accounts
