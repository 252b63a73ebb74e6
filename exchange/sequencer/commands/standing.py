"""Standing offers: idle capacity that a provider offers in every auction until it withdraws it."""

from typing import Any, Final

from core.errors import Code, CuxError
from core.ids import new_id
from exchange.sequencer import protocol as p
from exchange.sequencer import rules
from exchange.sequencer.auctions import AuctionState
from exchange.sequencer.commands import admission, capacity
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.fills import apply_events
from exchange.sequencer.state import Market, OrderState, StandingOffer
from exchange.sequencer.views import offer_view

EVENT: Final = "standing_offer"


def set_offer(decider: Decider, command: p.SetStandingOffer) -> dict[str, Any]:
    """Keep an offer for the auctions to come, in place of the one that the organisation had.

    Raises:
        CuxError: UNKNOWN_INSTRUMENT, INVALID_FIELD (not an idle instrument), or as `rules.check_size`,
            `rules.check_band` and `admission.admit_new`.
    """
    market = decider.market(command.instrument)
    if market.instrument.delivery != "idle":
        raise CuxError(Code.INVALID_FIELD, "Standing offers are for idle capacity.", param="instrument")
    offer = StandingOffer(
        id=new_id(),
        organisation_id=command.organisation_id,
        instrument=market.instrument,
        price_ticks=command.price_ticks,
        quantity_lots=command.quantity_lots,
        created_at=decider.changes.now,
    )
    _check(decider, market, _order(decider, offer, offer.quantity_lots))
    before = market.standing.get(command.organisation_id)
    if before is not None:
        _end(decider, market, before)
    market.standing[command.organisation_id] = offer
    decider.changes.standing[offer.id] = offer
    return offer_view(offer)


def withdraw(decider: Decider, command: p.WithdrawStandingOffer) -> dict[str, Any]:
    """Let an offer enter no further auction; its order in a running one stays (UNKNOWN_STANDING_OFFER)."""
    for market in decider.state.markets.values():
        offer = market.standing.get(command.organisation_id)
        if offer is not None and offer.id == command.standing_offer_id:
            _end(decider, market, offer)
            return offer_view(offer)
    raise CuxError(Code.UNKNOWN_STANDING_OFFER, param="standing_offer_id")


def enter_all(decider: Decider, market: Market, auction: AuctionState) -> None:
    """Place each standing offer, oldest first, as far as capacity backs it, and tell its owner.

    One that would be refused as an order stays out.
    """
    for offer in sorted(market.standing.values(), key=lambda offer: offer.id):
        lots = capacity.backed_lots(decider, offer.organisation_id, market.instrument, offer.quantity_lots)
        order = _order(decider, offer, lots)
        entered = _is_allowed(decider, market, order)
        if entered:
            _place(decider, market, order)
        news = offer_view(offer, auction.id, order if entered else None)
        decider.changes.tell(offer.organisation_id, EVENT, news)


def _is_allowed(decider: Decider, market: Market, order: OrderState) -> bool:
    try:
        _check(decider, market, order)
    except CuxError:
        return False
    return True


def _check(decider: Decider, market: Market, order: OrderState) -> None:
    """Refuse what no order could be: by size, price or what its account may do."""
    rules.check_size(market.instrument, order.limit_ticks, order.quantity_lots)
    rules.check_band(order.limit_ticks, market.band)
    admission.admit_new(decider.state, market, order)


def _order(decider: Decider, offer: StandingOffer, lots: int) -> OrderState:
    rates = decider.state.rates_of(offer.organisation_id, offer.instrument)
    return OrderState(
        id=new_id(),
        instrument=offer.instrument,
        organisation_id=offer.organisation_id,
        beneficiary_id=offer.organisation_id,
        client_order_id=None,
        side="sell",
        type="limit",
        tif="GFA",
        post_only=False,
        stp="cancel_taker",
        price_ticks=offer.price_ticks,
        limit_ticks=offer.price_ticks,
        quantity_lots=lots,
        leaves_lots=lots,
        created_at=decider.changes.now,
        maker_fee_ppm=rates.maker_ppm,
        taker_fee_ppm=rates.taker_ppm,
    )


def _place(decider: Decider, market: Market, order: OrderState) -> None:
    events = decider.apply(market, order.for_engine())
    decider.state.add(order)
    apply_events(decider.state, decider.changes, market, order, events)


def _end(decider: Decider, market: Market, offer: StandingOffer) -> None:
    offer.withdrawn_at = decider.changes.now
    decider.changes.standing[offer.id] = offer
    del market.standing[offer.organisation_id]
