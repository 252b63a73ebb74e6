"""Which trades say something about the price."""

from typing import Final

PRINTED: Final = """
    NOT (t.is_self OR t.is_selective OR t.is_resale) AND NOT EXISTS (
        SELECT FROM exchange_bust b WHERE b.trade_id = t.id AND b.busted_at IS NOT NULL)"""
"""SQL, true for a trade `t` that is printed: left out are trades of an account with itself, of an order that
chose its providers, of compute sold on, and busted ones (a bust takes effect at once, also backwards)."""
