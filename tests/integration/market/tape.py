"""A tape for tests of market data: trades at given instants and prices, orders at given levels."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import Organisation
from core.ids import new_id
from exchange.models import Bust, Instrument, Order, Trade
from tests import builders

NOON = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)


@dataclass
class Tape:
    """One instrument and one account that trades with itself, since only the rows matter here."""

    instrument: Instrument = field(default_factory=builders.instrument)
    trader: Organisation = field(default_factory=builders.organisation)
    sequence: int = 0

    def order(self, side: str, ticks: int, lots: int, **other: Any) -> Order:
        """Write an open order."""
        self.sequence += 1
        facts = {
            "id": new_id(),
            "instrument": self.instrument,
            "organisation": self.trader,
            "beneficiary": self.trader,
            "side": side,
            "type": "limit",
            "time_in_force": "GTC",
            "self_trade_prevention": "none",
            "price_ticks": ticks,
            "limit_ticks": ticks,
            "quantity_lots": lots,
            "leaves_lots": lots,
            "status": "open",
            "priority": self.sequence,
            "created_at": NOON,
            "updated_at": NOON,
        }
        return Order.objects.create(**facts | other)

    def trade(self, after_s: float, ticks: int, lots: int, **other: Any) -> Trade:
        """Write a trade so many seconds after noon."""
        filled = {"status": "filled", "leaves_lots": 0, "cumulative_lots": lots}
        buy, sell = (self.order(side, ticks, lots, **filled) for side in ("buy", "sell"))
        facts = {
            "id": new_id(),
            "instrument": self.instrument,
            "sequence": self.sequence,
            "price_ticks": ticks,
            "quantity_lots": lots,
            "notional_nano_usd": ticks * lots * self.instrument.tick_nano_usd,
            "buyer_fee_nano_usd": 0,
            "seller_fee_nano_usd": 0,
            "taker_side": "buy",
            "buy_order": buy,
            "sell_order": sell,
            "traded_at": NOON + timedelta(seconds=after_s),
        }
        return Trade.objects.create(**facts | other)

    def unprinted(self, after_s: float, ticks: int, lots: int) -> None:
        """Write a trade of each kind that is not printed."""
        for mark in ("is_self", "is_selective", "is_resale"):
            self.trade(after_s, ticks, lots, **{mark: True})
        self.bust(self.trade(after_s, ticks, lots))

    def bust(self, trade: Trade, **other: Any) -> Bust:
        """Undo a trade."""
        facts = {"requested_by": "one", "reason": "test", "requested_at": NOON, "busted_at": NOON}
        return Bust.objects.create(trade=trade, **facts | other)


def after(seconds: float) -> datetime:
    """Return the instant so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)
