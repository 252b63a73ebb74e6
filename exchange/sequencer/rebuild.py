"""Makes the state from PostgreSQL: at the start, after a failed batch, and to check what is in memory."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from exchange.engine import Engine
from exchange.engine.orders import Phase
from exchange.sequencer.auctions import AuctionState
from exchange.sequencer.facts import Instrument, pools
from exchange.sequencer.limits import Rates, Terms
from exchange.sequencer.resale import Lodged
from exchange.sequencer.risk import Backing, Wallet
from exchange.sequencer.state import DeadManSwitch, Market, OrderState, StandingOffer, State

_INSTRUMENTS = """
    SELECT id, symbol, compute_class_id AS compute_class, delivery, lot_ucu, tick_nano_usd, band_low_ticks,
        band_high_ticks, min_order_lots, max_order_lots, maker_fee_ppm, taker_fee_ppm, window_s,
        reference_ticks, band_ppm, volatility_ppm, volatility_auction_s, max_notional_nano_usd,
        max_open_orders, phase,
        coalesce((SELECT max(t.sequence) FROM exchange_trade t WHERE t.instrument_id = i.id), 0)
            AS trade_sequence,
        coalesce((SELECT max(e.sequence) FROM exchange_marketevent e WHERE e.instrument_id = i.id), 0)
            AS event_sequence,
        (SELECT t.price_ticks FROM exchange_trade t
            WHERE t.instrument_id = i.id AND NOT (t.is_self OR t.is_selective OR t.is_resale)
                AND NOT EXISTS (SELECT FROM exchange_bust b
                    WHERE b.trade_id = t.id AND b.busted_at IS NOT NULL)
            ORDER BY t.sequence DESC LIMIT 1) AS last_ticks
    FROM exchange_instrument i WHERE symbol = %(symbol)s OR %(symbol)s::text IS NULL"""
_ORDERS = """
    SELECT o.id, o.instrument_id, o.organisation_id, o.beneficiary_id, o.client_order_id, o.side, o.type,
        o.time_in_force, o.post_only, o.self_trade_prevention, o.price_ticks, o.quantity_lots,
        o.leaves_lots, o.cumulative_lots, o.notional_nano_usd, o.fee_nano_usd, o.priority, o.created_at,
        o.limit_ticks, o.budget_nano_usd, o.display_lots, o.slice_lots, o.min_lots, o.expires_at,
        o.entitlement_id, e.ends_at AS window_ends_at, o.auction_id, o.maker_fee_ppm, o.taker_fee_ppm,
        h.id AS hold_id, coalesce(h.placed - h.captured - h.released, 0) AS held_nano_usd
    FROM exchange_order o
    LEFT JOIN exchange_entitlement e ON e.id = o.entitlement_id
    LEFT JOIN billing_hold h
        ON h.kind = 'order' AND h.ref = replace(o.id::text, '-', '') AND h.ended_at IS NULL
    WHERE o.status = 'open' ORDER BY o.instrument_id, o.priority"""
_LODGED = """
    SELECT e.id, e.instrument_id, e.holder_id, e.provider_id, e.quantity_ucu, e.escrow_nano_usd,
        e.fee_nano_usd, e.ends_at, e.quantity_ucu - b.posted AS used_ucu
    FROM exchange_entitlement e
    JOIN exchange_instrument i ON i.id = e.instrument_id
    JOIN billing_account a ON a.kind = 'entitlement' AND a.asset = 'CU:' || i.compute_class_id
        AND a.organisation_id IS NULL AND a.entitlement_id = e.id
    JOIN billing_balance b ON b.account_id = a.id
    WHERE e.state = 'lodged'"""
_OFFERED = (
    f"{_LODGED} AND EXISTS (SELECT FROM exchange_order o WHERE o.entitlement_id = e.id AND o.status = 'open')"
)
_WALLETS = """
    SELECT a.organisation_id, b.posted, b.held FROM billing_account a
    JOIN billing_balance b ON b.account_id = a.id WHERE a.kind = 'wallet'"""
_TERMS = """
    SELECT organisation_id, is_blocked, reason, fee_tier, max_open_orders, max_notional_nano_usd
    FROM exchange_tradingaccount"""
_TIERS = "SELECT instrument_id, tier, maker_fee_ppm, taker_fee_ppm FROM exchange_feetier"
_CAPACITIES = """
    SELECT organisation_id, compute_class_id, rate_ucu_per_s, tier_factor_ppm FROM exchange_capacity"""
# One index look-up an account: the table of events is far longer than the list of accounts.
_ACCOUNT_SEQUENCES = """
    SELECT a.id, e.sequence FROM accounts_organisation a
    CROSS JOIN LATERAL (SELECT max(sequence) AS sequence FROM exchange_accountevent
        WHERE organisation_id = a.id) e WHERE e.sequence IS NOT NULL"""
_DEAD_MEN = "SELECT organisation_id, timeout_s, expires_at FROM exchange_deadman WHERE timeout_s > 0"
_AUCTIONS = """
    SELECT id, instrument_id, kind, state, reference_ticks, started_at, no_cancel_at, close_from_at,
        closes_at, then_phase, delivers_until, price_ticks, volume_lots, surplus_lots
    FROM exchange_auction WHERE state <> 'done'"""
_STANDING_OFFERS = """
    SELECT id, organisation_id, instrument_id, price_ticks, quantity_lots, created_at
    FROM exchange_standingoffer WHERE withdrawn_at IS NULL"""
_POOL = "i.compute_class_id || CASE i.delivery WHEN 'idle' THEN '/idle' ELSE '' END"
_ISSUED = f"""
    SELECT e.provider_id, {_POOL}, -sum(b.posted)::bigint
    FROM exchange_entitlement e
    JOIN exchange_instrument i ON i.id = e.instrument_id
    JOIN billing_account a ON a.kind = 'issue' AND a.asset = 'CU:' || i.compute_class_id
        AND a.organisation_id IS NULL AND a.entitlement_id = e.id
    JOIN billing_balance b ON b.account_id = a.id
    WHERE (e.state = 'live' OR e.state = 'lodged') AND e.ends_at > %(now)s
        AND (e.provider_id = %(provider)s OR %(provider)s::uuid IS NULL)
        AND ({_POOL} = %(pool)s OR %(pool)s::text IS NULL)
    GROUP BY 1, 2"""  # noqa: S608


def rebuild(connection: psycopg.Connection[Any], *, now: datetime) -> State:
    """Return the state as committed: books in priority order, wallets, holds, backing and numbers."""
    state = State()
    with psycopg.Cursor(connection) as cursor:
        state.sequence = _one(cursor, "SELECT coalesce(max(sequence), 0) FROM exchange_command")
        state.account_sequences.update(cursor.execute(_ACCOUNT_SEQUENCES).fetchall())
        for organisation_id, posted, held in cursor.execute(_WALLETS):
            state.wallets[organisation_id] = Wallet(posted, held)
        for row in _dicts(connection, _TERMS):
            organisation_id = row.pop("organisation_id")
            state.terms[organisation_id] = Terms(**row)
        for instrument_id, tier, maker_ppm, taker_ppm in cursor.execute(_TIERS):
            state.tiers[instrument_id, tier] = Rates(maker_ppm, taker_ppm)
        state.lodged = {row["id"]: Lodged(**row) for row in _dicts(connection, _OFFERED)}
        for organisation_id, compute_class, rate, tier in cursor.execute(_CAPACITIES):
            for pool in pools(compute_class):
                state.backings[organisation_id, pool] = Backing(rate, tier)
        for (organisation_id, pool), issued in _issued(cursor, now, None, None).items():
            state.backings[organisation_id, pool].issued_ucu = issued
        for organisation_id, timeout_s, expires_at in cursor.execute(_DEAD_MEN):
            state.set_dead_man(organisation_id, DeadManSwitch(timeout_s, expires_at))
    _restore_books(connection, state)
    _restore_auctions(connection, state, now)
    return state


def find_market(connection: psycopg.Connection[Any], symbol: str) -> Market | None:
    """Return a market without orders, as one is that was listed a moment ago; None if there is none."""
    return next((listed.market([]) for listed in _instruments(connection, symbol)), None)


def issued_ucu(
    connection: psycopg.Connection[Any], *, provider_id: uuid.UUID, pool: str, now: datetime
) -> int:
    """Return the µCU of a pool that a provider has sold and that are neither drawn nor expired."""
    with psycopg.Cursor(connection) as cursor:
        return _issued(cursor, now, provider_id, pool).get((provider_id, pool), 0)


def find_lodged(connection: psycopg.Connection[Any], entitlement_id: uuid.UUID) -> Lodged | None:
    """Return an entitlement that was given to the sequencer, as committed; None if it was not."""
    query = f"{_LODGED} AND e.id = %s"
    with connection.cursor(row_factory=class_row(Lodged)) as cursor:
        return cursor.execute(query, [entitlement_id]).fetchone()


def _restore_books(connection: psycopg.Connection[Any], state: State) -> None:
    all_listed = _instruments(connection, None)
    instruments = {listed.instrument.id: listed.instrument for listed in all_listed}
    resting: dict[uuid.UUID, list[OrderState]] = {id: [] for id in instruments}
    with connection.cursor(row_factory=class_row(dict)) as cursor:
        for row in cursor.execute(_ORDERS):
            order = _order(row, instruments[row["instrument_id"]])
            resting[order.instrument.id].append(order)
            state.add(order)
            backing = state.backings[order.organisation_id, order.instrument.pool]
            backing.offered_ucu += order.offered_ucu
    for listed in all_listed:
        state.markets[listed.instrument.symbol] = listed.market(resting[listed.instrument.id])


def _restore_auctions(connection: psycopg.Connection[Any], state: State, now: datetime) -> None:
    markets = {market.instrument.id: market for market in state.markets.values()}
    with connection.cursor(row_factory=class_row(dict)) as cursor:
        for row in cursor.execute(_AUCTIONS):
            auction = AuctionState(**row)
            if auction.state == "random_close":
                auction.draw(now)
            state.set_auction(markets[auction.instrument_id], auction)
        for row in cursor.execute(_STANDING_OFFERS):
            market = markets[row.pop("instrument_id")]
            offer = StandingOffer(**row, instrument=market.instrument)
            market.standing[offer.organisation_id] = offer


@dataclass(frozen=True, slots=True)
class _Listed:
    """An instrument as listed, and where its market stands."""

    instrument: Instrument
    phase: Phase
    trade_sequence: int
    event_sequence: int
    reference_ticks: int

    def market(self, resting: list[OrderState]) -> Market:
        """Return the market with these resting orders, oldest priority first."""
        engine = Engine.restore((order.for_engine() for order in resting), self.phase)
        return Market(self.instrument, engine, self.trade_sequence, self.event_sequence, self.reference_ticks)


def _instruments(connection: psycopg.Connection[Any], symbol: str | None) -> list[_Listed]:
    with connection.cursor(row_factory=class_row(dict)) as cursor:
        rows = cursor.execute(_INSTRUMENTS, {"symbol": symbol}).fetchall()
    listed = []
    for row in rows:
        phase, last_ticks = row.pop("phase"), row.pop("last_ticks")
        numbers = row.pop("trade_sequence"), row.pop("event_sequence")
        instrument = Instrument(**row)
        listed.append(_Listed(instrument, phase, *numbers, last_ticks or instrument.first_reference_ticks))
    return listed


def _order(row: dict[str, Any], instrument: Instrument) -> OrderState:
    issues = row["side"] == "sell" and row["entitlement_id"] is None
    return OrderState(
        id=row["id"],
        instrument=instrument,
        organisation_id=row["organisation_id"],
        beneficiary_id=row["beneficiary_id"],
        client_order_id=row["client_order_id"],
        side=row["side"],
        type=row["type"],
        tif=row["time_in_force"],
        post_only=row["post_only"],
        stp=row["self_trade_prevention"],
        price_ticks=row["price_ticks"],
        limit_ticks=row["limit_ticks"],
        budget_nano_usd=row["budget_nano_usd"],
        display_lots=row["display_lots"],
        slice_lots=row["slice_lots"],
        min_lots=row["min_lots"],
        expires_at=row["expires_at"],
        entitlement_id=row["entitlement_id"],
        window_ends_at=row["window_ends_at"],
        auction_id=row["auction_id"],
        maker_fee_ppm=row["maker_fee_ppm"],
        taker_fee_ppm=row["taker_fee_ppm"],
        quantity_lots=row["quantity_lots"],
        leaves_lots=row["leaves_lots"],
        created_at=row["created_at"],
        cumulative_lots=row["cumulative_lots"],
        notional_nano_usd=row["notional_nano_usd"],
        fee_nano_usd=row["fee_nano_usd"],
        priority=row["priority"],
        hold_id=row["hold_id"],
        held_nano_usd=row["held_nano_usd"],
        offered_ucu=row["leaves_lots"] * instrument.lot_ucu if issues else 0,
    )


def _issued(
    cursor: psycopg.Cursor[Any], now: datetime, provider_id: uuid.UUID | None, pool: str | None
) -> dict[tuple[uuid.UUID, str], int]:
    arguments = {"now": now, "provider": provider_id, "pool": pool}
    return {(provider, code): issued for provider, code, issued in cursor.execute(_ISSUED, arguments)}


def _dicts(connection: psycopg.Connection[Any], query: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=class_row(dict)) as cursor:
        return cursor.execute(query).fetchall()


def _one(cursor: psycopg.Cursor[Any], query: str) -> int:
    row = cursor.execute(query).fetchone()
    assert row is not None
    return int(row[0])
