"""Market orders to buy for an amount of money: how much an engine may spend, so that fees fit in as well."""

from core.errors import Code, CuxError
from core.money import BIGINT_MAX, PPM, fee_nano_usd
from exchange.engine.events import Trade
from exchange.sequencer.facts import Instrument
from exchange.sequencer.state import Market, OrderState


def lowest_ticks(market: Market, limit_ticks: int, *, buys_resold: bool) -> int:
    """Return a price below which an order to buy finds nothing: the best offer, else its own limit.

    What is resold is not among the offers of the book: it may cost as little as the band allows.
    """
    if buys_resold:
        return market.instrument.band_low_ticks
    asks = market.engine.depth(1)[1]
    return min(asks[0][0] if asks else limit_ticks, limit_ticks)


def most_lots(instrument: Instrument, budget_nano_usd: int, taker_ppm: int, low_ticks: int) -> int:
    """Return the most lots that a budget may buy at this price.

    Raises:
        CuxError: QUANTITY_OUT_OF_RANGE (not even the smallest order), NUMBER_TOO_LARGE.
    """
    lots = min(_spendable(instrument, budget_nano_usd, taker_ppm) // low_ticks, instrument.max_order_lots)
    if lots < instrument.min_order_lots:
        raise CuxError(
            Code.QUANTITY_OUT_OF_RANGE,
            "The budget does not cover the smallest order.",
            param="budget_nano_usd",
        )
    if max(budget_nano_usd, lots * instrument.lot_ucu) > BIGINT_MAX:
        raise CuxError(Code.NUMBER_TOO_LARGE, param="budget_nano_usd")
    return lots


def set_budget(market: Market, order: OrderState, budget_nano_usd: int) -> None:
    """Give the order its budget as an engine counts it, in ticks · lots, so that it never pays more.

    What the budget pays for without regard to the rounding of fees is tried on a copy of the orders that
    would be met. If rounding, up by at most half a nano-USD a fill, then costs more than the budget, so much
    is set aside for each of these fills: with less money there are no more of them.
    """
    instrument, taker_ppm = market.instrument, order.taker_fee_ppm
    order.budget_ticks_lots = _spendable(instrument, budget_nano_usd, taker_ppm)
    trial = market.engine.excerpt(order.for_engine()).new(order.for_engine())
    fills = [event for event in trial if isinstance(event, Trade)]
    if _paid(instrument, taker_ppm, fills) > budget_nano_usd:
        for_rounding = (len(fills) + 1) // 2
        order.budget_ticks_lots = _spendable(instrument, budget_nano_usd - for_rounding, taker_ppm)


def _spendable(instrument: Instrument, budget_nano_usd: int, taker_ppm: int) -> int:
    return budget_nano_usd * PPM // (instrument.tick_nano_usd * (PPM + taker_ppm))


def _paid(instrument: Instrument, taker_ppm: int, trades: list[Trade]) -> int:
    prices = [instrument.notional_nano_usd(trade.price, trade.qty) for trade in trades]
    return sum(price + fee_nano_usd(price, taker_ppm) for price in prices)
