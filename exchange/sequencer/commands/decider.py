"""One command at a time: checks it, lets the engine match, notes what changes.

Everything that can refuse comes before the first change, so a refused command changes nothing.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from core.errors import Code, CuxError
from exchange.engine import protocol as engine_protocol
from exchange.engine.events import Event, Rejected
from exchange.sequencer import protocol as p
from exchange.sequencer.busts import BustedTrade
from exchange.sequencer.changes import Changes
from exchange.sequencer.resale import Lodged
from exchange.sequencer.state import Market, OrderState, State
from exchange.sequencer.views import refusal

_REFUSALS = {
    "phase": Code.INSTRUMENT_NOT_TRADING,
    "invalid_display": Code.QUANTITY_OUT_OF_RANGE,
    "crossed_book": Code.INSTRUMENT_NOT_TRADING,
    "invalid_tif": Code.INVALID_TIME_IN_FORCE,
    "post_only_would_take": Code.POST_ONLY_WOULD_TAKE,
    "unknown_order": Code.UNKNOWN_ORDER,
    "not_improving": Code.MAY_ONLY_IMPROVE,
}
_encode = msgspec.msgpack.Encoder().encode


class Reader(Protocol):
    """What a decision may have to look up in the database."""

    def market(self, symbol: str) -> Market | None:
        """Return a market that is not in memory yet."""

    def busted(self, trade_id: uuid.UUID) -> BustedTrade | None:
        """Return a trade whose bust is committed."""

    def lodged(self, entitlement_id: uuid.UUID) -> Lodged | None:
        """Return an entitlement that its holder has given to the sequencer, as committed."""

    def issued_ucu(self, provider_id: uuid.UUID, pool: str) -> int:
        """Return what is sold of a pool and neither drawn nor expired, as committed."""

    def take_balance(self, account_id: uuid.UUID) -> bool:
        """Lock a balance that others write too, until the batch's end; False: one of them has it."""


Handler = Callable[["Decider", Any], dict[str, Any]]
Handlers = Mapping[type, tuple[int, Handler]]
"""By kind of command: the status of success, and the function that decides and returns the body."""


@dataclass(slots=True)
class Decider:
    """Decides commands against a state and gathers the changes of a batch."""

    state: State
    changes: Changes
    reader: Reader
    handlers: Handlers
    disabled: frozenset[str] = frozenset()
    """Kinds of orders that are switched off."""
    taken: set[tuple[uuid.UUID, str]] = field(default_factory=set)
    """The client_order_ids of the batch's new orders that are taken."""
    trades_before: int = 0
    """Trades in the changes that commands before the one at work came to."""

    def decide(self, command: p.Decided) -> p.Verdict:
        """Return the verdict on one command; a refusal has changed nothing."""
        status, handler = self.handlers[type(command)]
        try:
            return p.Verdict(status, handler(self, command))
        except CuxError as error:
            return refusal(error)

    def apply(self, market: Market, operation: engine_protocol.Operation) -> list[Event]:
        """Have the market's engine carry out an operation and journal it; return its events.

        Every change of a book takes this way: replay plays the journaled operations and nothing else. It
        begins with an empty, continuous book; one that was listed in another phase says so first.

        Raises:
            CuxError: the engine refused; nothing has changed.
        """
        journaled = _encode(operation)  # before the engine changes the order that it is given
        phase = market.engine.current_phase
        events = engine_protocol.apply(market.engine, operation)
        if isinstance(events[0], Rejected):
            raise CuxError(_REFUSALS.get(events[0].reason, Code.INTERNAL))
        symbol = market.instrument.symbol
        if not market.event_sequence and phase != "continuous":
            self.changes.effects.append((symbol, msgspec.Raw(_encode(engine_protocol.SetPhase(phase)))))
        self.changes.effects.append((symbol, msgspec.Raw(journaled)))
        return events

    def market(self, symbol: str) -> Market:
        """Return a listed market (UNKNOWN_INSTRUMENT)."""
        market = self.state.markets.get(symbol) or self.reader.market(symbol)
        if market is None:
            raise CuxError(Code.UNKNOWN_INSTRUMENT, param="instrument")
        return self.state.markets.setdefault(symbol, market)

    def open_order(
        self, organisation_id: uuid.UUID, order_id: uuid.UUID | None, client_order_id: str | None = None
    ) -> OrderState:
        """Return an open order of the organisation by one of its ids (UNKNOWN_ORDER)."""
        id = order_id.hex if order_id else self.state.client_ids.get((organisation_id, client_order_id or ""))
        order = self.state.orders.get(id or "")
        if order is None or order.organisation_id != organisation_id:
            raise CuxError(Code.UNKNOWN_ORDER, param="order_id")
        return order
