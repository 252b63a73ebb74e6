"""The SQL of a batch: a few statements over whole columns, pipelined, whatever the batch's size."""

import itertools
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg import pq
from psycopg.errors import NotNullViolation

from billing.services.ledger_post import ledger_statement
from billing.services.posting_arguments import text_array
from core.binary import instant
from core.pipe import Pipe, Statement, Trip
from exchange.sequencer.announce import account_events, market_events
from exchange.sequencer.bulk import bulk, bulk_of_columns, together
from exchange.sequencer.changes import Changes
from exchange.sequencer.owner import FencedOffError
from exchange.sequencer.protocol import Verdict
from exchange.sequencer.records import records
from exchange.sequencer.rows import (
    announcements,
    capacity_row,
    dead_man_rows,
    entitlement_rows,
    event_columns,
    journal_columns,
    order_row,
    phase_rows,
    trade_row,
)
from exchange.sequencer.state import State

_encode = msgspec.json.Encoder().encode
decode_verdict = msgspec.json.Decoder(Verdict).decode
Known = dict[tuple[uuid.UUID, str], tuple[bytes, Verdict]]
"""Verdicts by owner and key, with the digest of the command that had it."""
Name = tuple[uuid.UUID, str]
"""An organisation, and a key or client_order_id of its own."""

# The column is NOT NULL: who writes under an epoch that is over is refused, with all that came before COMMIT.
_FENCE = """
    UPDATE exchange_sequencerowner SET epoch = CASE WHEN epoch = $2 THEN epoch END WHERE shard = $1"""
_FENCED_TABLE = "exchange_sequencerowner"
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
# The parameters of `_ALWAYS`: $1 orders, $2 the batch's moment, then columns.
_JOURNAL = bulk_of_columns(
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
    },
    parameter=3,
    moment="decided_at",
    moment_parameter=2,
)
_MARKET_EVENTS = bulk_of_columns(
    "exchange_marketevent",
    {"instrument_id": "uuid", "sequence": "bigint", "payload": "text"},
    parameter=11,
    moment="at",
    moment_parameter=2,
)
_ACCOUNT_EVENTS = bulk_of_columns(
    "exchange_accountevent",
    {"organisation_id": "uuid", "sequence": "bigint", "payload": "text"},
    parameter=14,
    moment="at",
    moment_parameter=2,
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
_NOTIFY = """
    SELECT pg_notify('cux_market', payload) FROM unnest($17::text[]) AS market (payload)
    UNION ALL SELECT pg_notify('cux_account', id::text) FROM unnest($18::uuid[]) AS account (id)"""
_ALWAYS = together((_ORDERS, _JOURNAL, _MARKET_EVENTS, _ACCOUNT_EVENTS), _NOTIFY)
"""What nearly every batch writes."""


_BEGIN = Statement("BEGIN")
_COMMIT = Statement("COMMIT")


class Question:
    """Which keys and client order ids are taken, asked on the session for look-ups."""

    def __init__(self, pipe: Pipe, keys: Sequence[Name], client_ids: Sequence[Name]) -> None:
        """Ask; what is not there by then is not seen."""
        self._keys, self._client_ids = keys, client_ids
        asked = [Statement(_KNOWN, _columns(keys)), Statement(_CLIENT_IDS, _columns(client_ids))]
        self._trip = pipe.send(asked) if keys or client_ids else None

    def answer(self) -> tuple[Known, set[Name]]:
        """Return the verdicts that are known, and the client order ids that are taken; wait if need be."""
        if self._trip is None:
            return {}, set()
        known, ids = self._trip.results()
        verdicts = {
            self._keys[int(number) - 1]: (bytes.fromhex(digest[2:].decode()), decode_verdict(verdict))
            for number, digest, verdict in _rows(known)
        }
        return verdicts, {self._client_ids[int(number) - 1] for (number,) in _rows(ids)}


class Store:
    """The sequencer's two database sessions: one writes, a transaction for each batch; one looks up."""

    def __init__(
        self, writing: psycopg.Connection[Any], reading: psycopg.Connection[Any], *, shard: str, epoch: int
    ) -> None:
        """Use these sessions, which are outside of any transaction, as the owner of this epoch."""
        self._writing, self._reading = writing, reading
        self._pipe, self._lookups = Pipe(writing), Pipe(reading)
        self._opening = (_BEGIN, Statement(_FENCE, [shard.encode(), b"%d" % epoch]))
        self._is_open = False
        self._trip: Trip | None = None

    @property
    def is_cut_off(self) -> bool:
        """Tell whether one of the sessions is gone."""
        return bool(self._writing.closed or self._reading.closed)

    def ask(self, keys: Sequence[Name], client_ids: Sequence[Name]) -> Question:
        """Look up which of these are taken, by what is committed now."""
        return Question(self._lookups, keys, client_ids)

    def open(self) -> None:
        """Begin the batch's transaction before its rows are known, to look something up in it.

        Raises:
            FencedOffError: another sequencer has raised the epoch.
        """
        if not self._is_open:
            self._is_open = True
            landed(self._send(self._opening))

    def send(self, statements: Iterable[Statement], *, commit: bool) -> Trip:
        """Send what a batch writes, in its transaction, and have it committed if asked to; do not wait."""
        opening = () if self._is_open else self._opening
        self._is_open = not commit
        return self._send(itertools.chain(opening, statements, (_COMMIT,) if commit else ()))

    def roll_back(self) -> None:
        """Take back what a batch did that failed, unless the session is gone (and with it the batch)."""
        self._is_open = False
        if self._trip is not None:
            self._trip.wait()
        if not self._writing.closed:
            self._writing.rollback()

    def _send(self, statements: Iterable[Statement]) -> Trip:
        self._trip = self._pipe.send(statements)
        return self._trip


def landed(trip: Trip) -> None:
    """Wait until what was sent is done.

    Raises:
        FencedOffError: another sequencer has raised the epoch; nothing of it is done.
        psycopg.Error: it failed.
    """
    try:
        trip.results()
    except NotNullViolation as error:
        if error.diag.table_name == _FENCED_TABLE:
            raise FencedOffError("the epoch is over") from error
        raise


def statements(changes: Changes, state: State) -> Iterator[Statement]:
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
    always = [
        _encode([order_row(order, now) for order in changes.orders.values()]),
        instant(now),
        *journal_columns(changes.journal),
        *event_columns(market_events(changes)),
        *event_columns(account_events(state, changes)),
        *announcements(changes),
    ]
    yield Statement(_ALWAYS, always, is_binary=True)
    sometimes = (
        (_TRADES, [trade_row(trade) for trade in changes.trades]),
        (_ENTITLEMENTS, [row for trade in changes.trades for row in entitlement_rows(trade)]),
        (_CAPACITIES, [capacity_row(claim, changes) for claim in changes.backings]),
        (_DEAD_MEN, dead_man_rows(changes)),
        (_PHASES, phase_rows(changes)),
        *records(changes),
    )
    for statement, rows in sometimes:
        if rows:
            yield Statement(statement, [_encode(rows)])


def _columns(names: Sequence[Name]) -> list[bytes]:
    """Return two arrays: the organisations, and their keys."""
    owners = ",".join([owner.hex for owner, _ in names])
    return [f"{{{owners}}}".encode(), text_array([name for _, name in names]).encode()]


def _rows(result: pq.abc.PGresult) -> Iterator[list[bytes]]:
    """Give a result's rows in text form; nothing in them is NULL."""
    for row in range(result.ntuples):
        yield [result.get_value(row, column) or b"" for column in range(result.nfields)]
