"""What an order would do, before it is sent: with the sequencer's own arithmetic, on the book of now."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from billing.selectors.balances import organisation_balance
from core.money import fee_nano_usd
from exchange.models import Instrument
from exchange.selectors.book import Level, book_snapshot
from exchange.selectors.instruments import instrument_terms
from exchange.sequencer.protocol import NewOrder
from exchange.sequencer.risk import worst_case_nano_usd

_LEVELS = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """An order's expected course. `cost_nano_usd` is at the prices of the book, the rest at the limit.

    A buyer's `at_most_nano_usd` is what would be set aside. What a seller gets is released to it as the
    compute is drawn, so its balance stays as it is.
    """

    order: NewOrder
    compute_ucu: int
    fills_lots: int
    rests_lots: int
    cost_nano_usd: int
    fee_nano_usd: int
    at_most_nano_usd: int
    available_nano_usd: int

    @property
    def is_buy(self) -> bool:
        """Tell whether this buys."""
        return self.order.side == "buy"

    @property
    def total_nano_usd(self) -> int:
        """Return what the buyer pays in all, or what the seller is paid."""
        return self.cost_nano_usd + (self.fee_nano_usd if self.is_buy else -self.fee_nano_usd)

    @property
    def after_nano_usd(self) -> int:
        """Return what would be available after it."""
        return self.available_nano_usd - (self.total_nano_usd if self.is_buy else 0)

    @property
    def is_affordable(self) -> bool:
        """Tell whether what would be set aside is there."""
        return not self.is_buy or self.at_most_nano_usd <= self.available_nano_usd

    @property
    def dropped_lots(self) -> int:
        """Return what would be cancelled at once, since it neither trades nor rests."""
        return self.order.quantity_lots - self.fills_lots - self.rests_lots


def order_preview(*, order: NewOrder, instrument: Instrument) -> Preview:
    """Return what the order would come to. Reads only, and promises nothing: the book moves."""
    terms = instrument_terms(instrument)
    limit = order.price_ticks if order.price_ticks is not None else terms.protection_ticks(order.side)
    fills = _fills(order, limit)
    filled = sum(lots for _, lots in fills)
    rests = order.quantity_lots - filled if order.tif == "GTC" else 0
    taken = sum(terms.notional_nano_usd(price, lots) for price, lots in fills)
    rest = terms.notional_nano_usd(limit, rests)
    return Preview(
        order=order,
        compute_ucu=order.quantity_lots * terms.lot_ucu,
        fills_lots=filled,
        rests_lots=rests,
        cost_nano_usd=taken + rest,
        fee_nano_usd=fee_nano_usd(taken, terms.taker_fee_ppm) + fee_nano_usd(rest, terms.maker_fee_ppm),
        at_most_nano_usd=worst_case_nano_usd(terms, limit, order.quantity_lots),
        available_nano_usd=_available(order.organisation_id),
    )


def _fills(order: NewOrder, limit: int) -> list[tuple[int, int]]:
    """Return at which prices how many lots would trade now; none of a FOK that finds too little."""
    book = book_snapshot(symbol=order.instrument, depth=_LEVELS)
    levels: Sequence[Level] = book.asks if order.side == "buy" else book.bids
    fills = []
    left = order.quantity_lots
    for level in levels:
        beyond = level.price_ticks > limit if order.side == "buy" else level.price_ticks < limit
        if beyond or not left:
            break
        lots = min(left, level.quantity_lots)
        fills.append((level.price_ticks, lots))
        left -= lots
    return [] if order.tif == "FOK" and left else fills


def _available(organisation_id: uuid.UUID) -> int:
    balance = organisation_balance(organisation_id)
    return balance.wallet_posted - balance.wallet_held
