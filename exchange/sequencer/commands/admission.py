"""What kill switches and limits let an account order."""

from exchange.sequencer import protocol as p
from exchange.sequencer.limits import notional_nano_usd
from exchange.sequencer.state import Market, OrderState, State


def admit_new(state: State, market: Market, order: OrderState) -> None:
    """Refuse a new order that the account's kill switch or a limit forbids.

    Raises:
        CuxError: ACCOUNT_BLOCKED, NOTIONAL_LIMIT, TOO_MANY_OPEN_ORDERS.
    """
    terms = state.terms_of(order.organisation_id)
    terms.check_blocked()
    instrument = market.instrument
    worth = order.budget_nano_usd or notional_nano_usd(
        instrument, order.side, order.limit_ticks, order.quantity_lots, market.reference_ticks
    )
    terms.check_notional(instrument, worth)
    if order.tif not in ("IOC", "FOK"):
        terms.check_open_orders(instrument, len(state.open_orders[order.organisation_id, instrument.symbol]))


def admit_replace(state: State, market: Market, order: OrderState, command: p.ReplaceOrder) -> None:
    """Refuse a replacement that the account's kill switch or a limit forbids.

    Raises:
        CuxError: ACCOUNT_BLOCKED, NOTIONAL_LIMIT.
    """
    terms = state.terms_of(order.organisation_id)
    terms.check_blocked()
    worth = notional_nano_usd(
        market.instrument, order.side, command.price_ticks, command.quantity_lots, market.reference_ticks
    )
    terms.check_notional(market.instrument, worth)
