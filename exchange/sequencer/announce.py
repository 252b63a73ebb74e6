"""What a batch tells: an event for each market that changed, and one for each thing that befell an account.

Their numbers are dense, per instrument and per account. They are written in the batch's transaction, so
what a stream says has happened.
"""

import uuid
import zlib
from typing import Any, Final, NamedTuple

import msgspec

from exchange.engine import Engine
from exchange.sequencer.changes import Changes, MarketChange
from exchange.sequencer.state import State
from exchange.sequencer.views import tape_view, wallet_view

_encode = msgspec.json.Encoder().encode
CHECKSUM_EVERY: Final = 16
"""Each event whose number this divides carries the checksum of the book after it."""
CHECKSUM_LEVELS: Final = 10
_SIDES: Final = {"buy": "bid", "sell": "ask"}


class Told(NamedTuple):
    """An event's row: whose it is (instrument or organisation), its number, its JSON."""

    owner_id: uuid.UUID
    sequence: int
    payload: bytes


def market_events(changes: Changes) -> list[Told]:
    """Return one event for each market that changed, and give it its number."""
    told = []
    for change in changes.markets.values():
        change.market.event_sequence += 1
        payload = _encode(_market_payload(change))
        told.append(Told(change.market.instrument.id, change.market.event_sequence, payload))
    return told


def account_events(state: State, changes: Changes) -> list[Told]:
    """Return the events of each account in order, its wallet as it now stands last; number them."""
    events = list(changes.account_events)
    events += [(id, "wallet", wallet_view(state.wallets[id])) for id in changes.accounts]
    told = []
    sequences = state.account_sequences
    for organisation_id, kind, body in events:
        sequences[organisation_id] = sequence = sequences[organisation_id] + 1
        payload = _encode({"type": kind, _BODY.get(kind, kind): body})
        told.append(Told(organisation_id, sequence, payload))
    return told


_BODY: Final = {"fill": "trade", "bust": "trade"}


def checksum(engine: Engine) -> int:
    """Return CRC-32 of the best ten levels: `bid:<ticks>:<lots>,` best first, then the asks likewise."""
    bids, asks = engine.depth(CHECKSUM_LEVELS)
    lines = [f"bid:{price}:{lots}," for price, lots, _ in bids]
    lines += [f"ask:{price}:{lots}," for price, lots, _ in asks]
    return zlib.crc32("".join(lines).encode())


def _market_payload(change: MarketChange) -> dict[str, Any]:
    market = change.market
    levels = [
        (_SIDES[side], price, market.engine.level_lots(side, price)) for side, price in sorted(change.levels)
    ]
    payload: dict[str, Any] = {"levels": levels, "trades": [tape_view(trade) for trade in change.trades]}
    if change.busts:
        payload["busts"] = change.busts
    if change.phase is not None:
        payload["phase"] = change.phase
    if change.auction is not None:
        payload["auction"] = change.auction.view()
    if change.phase is not None or market.event_sequence % CHECKSUM_EVERY == 0:
        payload["crc"] = checksum(market.engine)
    return payload
