"""Busted trades, as the sequencer tells them. The book is never rewound: what traded since stays."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from core.clock import rfc3339
from core.ids import public_id

_BUSTED: Final = """
    SELECT t.id, i.symbol, t.sequence, t.price_ticks, t.quantity_lots, t.taker_side, t.traded_at,
        t.buy_order_id, t.sell_order_id, t.buyer_fee_nano_usd, t.seller_fee_nano_usd, t.is_self,
        t.is_selective, t.auction_id,
        b.organisation_id AS buyer_id, s.organisation_id AS seller_id
    FROM exchange_bust u JOIN exchange_trade t ON t.id = u.trade_id
    JOIN exchange_instrument i ON i.id = t.instrument_id
    JOIN exchange_order b ON b.id = t.buy_order_id JOIN exchange_order s ON s.id = t.sell_order_id
    WHERE u.trade_id = %s AND u.busted_at IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class BustedTrade:
    """A trade that was undone, with both sides."""

    id: uuid.UUID
    symbol: str
    sequence: int
    price_ticks: int
    quantity_lots: int
    taker_side: str
    traded_at: datetime
    buy_order_id: uuid.UUID
    sell_order_id: uuid.UUID
    buyer_fee_nano_usd: int
    seller_fee_nano_usd: int
    is_self: bool
    is_selective: bool
    auction_id: uuid.UUID | None
    buyer_id: uuid.UUID
    seller_id: uuid.UUID

    def tape_view(self) -> dict[str, Any]:
        """Return it as everybody sees it."""
        flags = {"is_self": self.is_self, "is_selective": self.is_selective, "is_busted": True}
        return {
            "trade_id": public_id("trade", self.id),
            "instrument": self.symbol,
            "seq": self.sequence,
            "price_ticks": self.price_ticks,
            "quantity_lots": self.quantity_lots,
            "taker_side": self.taker_side,
            "executed_at": rfc3339(self.traded_at),
            **{flag: True for flag, is_set in flags.items() if is_set},
            **({"auction_id": public_id("auction", self.auction_id)} if self.auction_id else {}),
        }

    def view(self, *, is_buyer: bool) -> dict[str, Any]:
        """Return it as one of its sides sees it. In an auction nobody takes."""
        took = self.auction_id is None and (self.taker_side == "buy") == is_buyer
        return self.tape_view() | {
            "order_id": public_id("order", self.buy_order_id if is_buyer else self.sell_order_id),
            "role": "taker" if took else "maker",
            "fee_nano_usd": self.buyer_fee_nano_usd if is_buyer else self.seller_fee_nano_usd,
        }


def find_busted(connection: psycopg.Connection[Any], trade_id: uuid.UUID) -> BustedTrade | None:
    """Return a trade whose bust is committed; None if there is none."""
    with connection.cursor(row_factory=class_row(BustedTrade)) as cursor:
        return cursor.execute(_BUSTED, [trade_id]).fetchone()
