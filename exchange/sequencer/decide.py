"""One command at a time: checks it, lets the engine match, notes what changes.

Everything that can refuse comes before the first change, so a refused command changes nothing.
"""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from core.errors import Code, CuxError
from core.ids import new_id, public_id
from core.money import BIGINT_MAX, PPM
from exchange.engine.events import Event, Rejected
from exchange.sequencer import protocol as p
from exchange.sequencer import rules
from exchange.sequencer.changes import Changes
from exchange.sequencer.fills import apply_events, drop_hold
from exchange.sequencer.risk import worst_case_nano_usd
from exchange.sequencer.state import Market, OrderState, State
from exchange.sequencer.views import order_view, refusal, wallet_view

_REFUSALS = {
    "phase": Code.INSTRUMENT_NOT_TRADING,
    "crossed_book": Code.INSTRUMENT_NOT_TRADING,
    "invalid_tif": Code.INVALID_TIME_IN_FORCE,
    "post_only_would_take": Code.POST_ONLY_WOULD_TAKE,
    "unknown_order": Code.UNKNOWN_ORDER,
}


class Reader(Protocol):
    """What a decision may have to look up in the database."""

    def market(self, symbol: str) -> Market | None:
        """Return a market that is not in memory yet."""

    def issued_ucu(self, provider_id: uuid.UUID, compute_class: str) -> int:
        """Return what is sold and neither drawn nor expired, as committed."""


@dataclass(slots=True)
class Decider:
    """Decides commands against a state and gathers the changes of a batch."""

    state: State
    changes: Changes
    reader: Reader

    def decide(self, command: p.Command) -> p.Verdict:
        """Return the verdict on one command; a refusal has changed nothing."""
        status, handler = _HANDLERS[type(command)]
        try:
            return p.Verdict(status, handler(self, command))
        except CuxError as error:
            return refusal(error)

    def new(self, command: p.NewOrder) -> dict[str, Any]:
        """Place an order."""
        market = self._market(command.instrument)
        limit = rules.check_new(command, market.instrument, market.engine.current_phase)
        order = self._order(command, market, limit)
        if order.side == "buy":
            needed = worst_case_nano_usd(market.instrument, limit, order.leaves_lots)
            self.state.wallets[order.organisation_id].require(needed)
        else:
            self._require_backing(order, order.leaves_lots)
        events = _accepted(market.engine.new(order.for_engine()))
        self.state.add(order)
        return order_view(order, apply_events(self.state, self.changes, market, order, events))

    def cancel(self, command: p.CancelOrder) -> dict[str, Any]:
        """Cancel an open order."""
        order = self._open_order(command.organisation_id, command.order_id, command.client_order_id)
        self._cancel(order)
        return order_view(order)

    def cancel_all(self, command: p.CancelAll) -> dict[str, Any]:
        """Cancel an organisation's open orders; those of a halted instrument stay."""
        if command.instrument is not None:
            self._market(command.instrument)
        canceled = []
        for order in self.state.orders_of(command.organisation_id, command.instrument):
            if self._market(order.instrument.symbol).engine.current_phase != "halted":
                self._cancel(order)
                canceled.append(public_id("order", order.id))
        return {"canceled": canceled}

    def replace(self, command: p.ReplaceOrder) -> dict[str, Any]:
        """Change price and open quantity; what is freed by it can pay for it."""
        order = self._open_order(command.organisation_id, command.order_id, None)
        market = self._market(order.instrument.symbol)
        rules.check_trading(market.engine.current_phase)
        rules.check_size(market.instrument, command.price_ticks, command.quantity_lots)
        grows = False
        if order.side == "buy":
            needed = worst_case_nano_usd(market.instrument, command.price_ticks, command.quantity_lots)
            grows = needed > order.held_nano_usd
            self.state.wallets[order.organisation_id].require(needed - order.held_nano_usd)
        elif command.quantity_lots > order.leaves_lots:
            self._require_backing(order, command.quantity_lots - order.leaves_lots)
        events = _accepted(market.engine.replace(order.id.hex, command.price_ticks, command.quantity_lots))
        if grows:
            drop_hold(self.state, self.changes, order)
        return order_view(order, apply_events(self.state, self.changes, market, order, events))

    def fund(self, command: p.Fund) -> dict[str, Any]:
        """Take money from transit into the wallet."""
        rules.check_amount(command.amount_nano_usd, "amount_nano_usd")
        wallet = self.state.wallets[command.organisation_id]
        if wallet.posted + command.amount_nano_usd > BIGINT_MAX:
            raise CuxError(Code.NUMBER_TOO_LARGE, param="amount_nano_usd")
        transit = of_house(Kind.TRANSIT)
        self._move(command, transit, of_organisation(Kind.WALLET, command.organisation_id))
        wallet.posted += command.amount_nano_usd
        return wallet_view(wallet)

    def defund(self, command: p.Defund) -> dict[str, Any]:
        """Give money from the wallet back to funding."""
        rules.check_amount(command.amount_nano_usd, "amount_nano_usd")
        wallet = self.state.wallets[command.organisation_id]
        wallet.require(command.amount_nano_usd)
        funding = of_organisation(Kind.FUNDING, command.organisation_id)
        self._move(command, of_organisation(Kind.WALLET, command.organisation_id), funding)
        wallet.posted -= command.amount_nano_usd
        return wallet_view(wallet)

    def set_capacity(self, command: p.SetCapacity) -> dict[str, Any]:
        """Record measured capacity, and cancel the youngest offers that it backs no more."""
        if not 0 <= command.rate_ucu_per_s <= BIGINT_MAX:
            raise CuxError(Code.NUMBER_TOO_LARGE, param="rate_ucu_per_s")
        if not 0 <= command.tier_factor_ppm <= PPM:
            raise CuxError(Code.INVALID_FIELD, param="tier_factor_ppm")
        claim = (command.organisation_id, command.compute_class)
        backing = self.state.backings[claim]
        backing.rate_ucu_per_s = command.rate_ucu_per_s
        backing.tier_factor_ppm = command.tier_factor_ppm
        self.changes.backings[claim] = backing
        return {
            "rate_ucu_per_s": command.rate_ucu_per_s,
            "tier_factor_ppm": command.tier_factor_ppm,
            "canceled": self._cancel_unbacked(*claim),
        }

    def set_phase(self, command: p.SetPhase) -> dict[str, Any]:
        """Change the trading phase; a crossed book cannot go to `continuous`."""
        market = self._market(command.instrument)
        events = _accepted(market.engine.phase(command.phase))
        apply_events(self.state, self.changes, market, None, events)
        self.changes.phases[market.instrument.id] = command.phase
        self.changes.trade_counts[command.instrument] += 0
        return {"instrument": command.instrument, "phase": command.phase}

    def _market(self, symbol: str) -> Market:
        market = self.state.markets.get(symbol) or self.reader.market(symbol)
        if market is None:
            raise CuxError(Code.UNKNOWN_INSTRUMENT, param="instrument")
        return self.state.markets.setdefault(symbol, market)

    def _order(self, command: p.NewOrder, market: Market, limit_ticks: int) -> OrderState:
        return OrderState(
            id=new_id(),
            instrument=market.instrument,
            organisation_id=command.organisation_id,
            beneficiary_id=command.beneficiary_id or command.organisation_id,
            beneficiary_ucu=command.beneficiary_ucu,
            client_order_id=command.client_order_id,
            side=command.side,
            type=command.type,
            tif=command.tif,
            post_only=command.post_only,
            stp=command.stp,
            price_ticks=command.price_ticks,
            limit_ticks=limit_ticks,
            quantity_lots=command.quantity_lots,
            leaves_lots=command.quantity_lots,
            created_at=self.changes.now,
        )

    def _open_order(
        self, organisation_id: uuid.UUID, order_id: uuid.UUID | None, client_order_id: str | None
    ) -> OrderState:
        id = order_id.hex if order_id else self.state.client_ids.get((organisation_id, client_order_id or ""))
        order = self.state.orders.get(id or "")
        if order is None or order.organisation_id != organisation_id:
            raise CuxError(Code.UNKNOWN_ORDER, param="order_id")
        return order

    def _cancel(self, order: OrderState) -> None:
        market = self._market(order.instrument.symbol)
        events = _accepted(market.engine.cancel(order.id.hex))
        apply_events(self.state, self.changes, market, order, events)

    def _cancel_unbacked(self, organisation_id: uuid.UUID, compute_class: str) -> list[str]:
        """Cancel offers, youngest first, until capacity backs the rest; a halted book's stay."""
        canceled = []
        offers = [o for o in self.state.orders_of(organisation_id, None) if o.side == "sell"]
        for order in sorted(offers, key=lambda order: order.id, reverse=True):
            halted = self._market(order.instrument.symbol).engine.current_phase == "halted"
            if order.instrument.compute_class == compute_class and not halted and not self._backs(order, 0):
                self._cancel(order)
                order.reason = "capacity"
                canceled.append(public_id("order", order.id))
        return canceled

    def _require_backing(self, order: OrderState, lots: int) -> None:
        """Refuse to sell more than is backed (INSUFFICIENT_CAPACITY, NO_CAPACITY)."""
        if not self._backs(order, lots):
            raise CuxError(Code.INSUFFICIENT_CAPACITY)

    def _backs(self, order: OrderState, lots: int) -> bool:
        """Tell whether `lots` more are backed; before saying no, look whether some was drawn or expired."""
        compute_class, window_s = order.instrument.compute_class, order.instrument.window_s
        needed = lots * order.instrument.lot_ucu
        backing = self.state.backings[order.organisation_id, compute_class]
        if needed <= backing.free_ucu(window_s):
            return True
        committed = self.reader.issued_ucu(order.organisation_id, compute_class)
        backing.issued_ucu = committed + self.changes.issued_ucu(order.organisation_id, compute_class)
        return needed <= backing.free_ucu(window_s)

    def _move(self, command: p.Fund | p.Defund, debit: AccountRef, credit: AccountRef) -> None:
        kind = p.kind_of(command)
        self.changes.entries.append(
            JournalEntry(
                key=f"{kind}:{command.organisation_id}:{hashlib.sha256(command.key.encode()).hexdigest()}",
                kind=kind,
                legs=(Leg(debit, credit, command.amount_nano_usd),),
                event_at=self.changes.now,
                ref=str(command.organisation_id),
            )
        )
        self.changes.accounts.add(command.organisation_id)


def _accepted(events: list[Event]) -> list[Event]:
    """Return the events of a command, or raise its refusal, which changed nothing."""
    if isinstance(events[0], Rejected):
        raise CuxError(_REFUSALS.get(events[0].reason, Code.INTERNAL))
    return events


_HANDLERS: dict[type, tuple[int, Callable[[Decider, Any], dict[str, Any]]]] = {
    p.NewOrder: (201, Decider.new),
    p.CancelOrder: (200, Decider.cancel),
    p.ReplaceOrder: (200, Decider.replace),
    p.CancelAll: (200, Decider.cancel_all),
    p.Fund: (200, Decider.fund),
    p.Defund: (200, Decider.defund),
    p.SetCapacity: (200, Decider.set_capacity),
    p.SetPhase: (200, Decider.set_phase),
}
