"""Telling that a trade was undone; money and compute have moved before (`exchange.services.trade_bust`)."""

from typing import Any

from core.errors import Code, CuxError
from exchange.sequencer import protocol as p
from exchange.sequencer.commands.decider import Decider


def bust(decider: Decider, command: p.Bust) -> dict[str, Any]:
    """Tell market and both sides, and take the price back as a reference if it was the last one.

    Raises:
        CuxError: NOT_FOUND, no bust of that trade was approved.
    """
    busted = decider.reader.busted(command.trade_id)
    if busted is None or busted.symbol != command.instrument:
        raise CuxError(Code.NOT_FOUND, "There is no such bust.")
    market = decider.market(busted.symbol)
    change = decider.changes.of_market(market)
    change.busts.append(busted.tape_view())
    for organisation_id, is_buyer in ((busted.buyer_id, True), (busted.seller_id, False)):
        decider.changes.tell(organisation_id, "bust", busted.view(is_buyer=is_buyer))
        decider.changes.accounts.add(organisation_id)
    committed = decider.reader.market(busted.symbol)
    if committed is not None and not any(trade.is_printed for trade in change.trades):
        market.reference_ticks = committed.reference_ticks
    return busted.tape_view()
