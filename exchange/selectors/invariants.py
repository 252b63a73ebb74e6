"""What must hold between the exchange's rows and the ledger: each query returns the rows that break it."""

from typing import Final

from billing.selectors.invariants import Invariant

_LEDGER: Final = """
    SELECT e.id, e.state, e.quantity_ucu AS q, e.escrow_nano_usd AS n, e.fee_nano_usd AS f,
        coalesce(sum(b.posted) FILTER (WHERE a.kind = 'entitlement'), 0) AS undrawn,
        coalesce(sum(b.held) FILTER (WHERE a.kind = 'entitlement'), 0) AS reserved,
        coalesce(sum(b.posted) FILTER (WHERE a.kind = 'escrow'), 0) AS escrow
    FROM exchange_entitlement e
    LEFT JOIN billing_account a ON a.entitlement_id = e.id
    LEFT JOIN billing_balance b ON b.account_id = a.id
    GROUP BY e.id
"""

INVARIANTS: Final = (
    Invariant(
        "escrow_follows_use",
        "a live or lodged entitlement's escrow is N − ⌊N·used ÷ Q⌋",
        f"""
        SELECT format('entitlement %s: escrow %s, undrawn %s of %s, N %s', id, escrow, undrawn, q, n)
        FROM ({_LEDGER}) l
        WHERE state IN ('live', 'lodged') AND escrow <> n - div(n::numeric * (q - undrawn), q) ORDER BY id
        """,  # noqa: S608 - our own constants
    ),
    Invariant(
        "expired_is_empty",
        "an expired, sold or busted entitlement has nothing undrawn, reserved or in escrow",
        f"""
        SELECT format('entitlement %s: undrawn %s, reserved %s, escrow %s', id, undrawn, reserved, escrow)
        FROM ({_LEDGER}) l
        WHERE state NOT IN ('live', 'lodged') AND (undrawn, reserved, escrow) <> (0, 0, 0) ORDER BY id
        """,  # noqa: S608 - our own constants
    ),
    Invariant(
        "deferred_fees_follow_use",
        "deferred fees are the sum of F − ⌊F·used ÷ Q⌋ of the live and lodged entitlements",
        f"""
        SELECT format('deferred fees: %s, of entitlements %s', posted, owed) FROM (
            SELECT (SELECT coalesce(sum(p.amount), 0) FROM billing_posting p
                    JOIN billing_account a ON a.id = p.account_id
                    WHERE a.kind = 'deferred_fees') AS posted,
                (SELECT coalesce(sum(f - div(f::numeric * (q - undrawn), q)), 0)
                    FROM ({_LEDGER}) l WHERE state IN ('live', 'lodged')) AS owed
        ) totals WHERE posted <> owed
        """,  # noqa: S608 - our own constants
    ),
    Invariant(
        "entitlements_are_the_trade",
        "a trade's entitlements hold its compute, price and fees",
        """
        SELECT format('trade %s: entitlements of %s µCU, escrow %s, fees %s', t.id, e.q, e.n, e.f)
        FROM exchange_trade t JOIN exchange_instrument i ON i.id = t.instrument_id
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(quantity_ucu), 0) AS q, coalesce(sum(escrow_nano_usd), 0) AS n,
                coalesce(sum(fee_nano_usd), 0) AS f
            FROM exchange_entitlement WHERE trade_id = t.id AND origin_id IS NULL
        ) e ON true
        WHERE NOT t.is_resale
            AND (e.q, e.n, e.f) <> (t.quantity_lots * i.lot_ucu, t.notional_nano_usd - t.seller_fee_nano_usd,
                                    t.buyer_fee_nano_usd + t.seller_fee_nano_usd)
        ORDER BY t.id
        """,
    ),
    Invariant(
        "resales_are_the_trade",
        "what a resale made holds its compute",
        """
        SELECT format('trade %s: entitlements of %s µCU', t.id, e.q)
        FROM exchange_trade t JOIN exchange_instrument i ON i.id = t.instrument_id
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(p.quantity_ucu), 0) AS q FROM exchange_entitlement p
            JOIN exchange_entitlement o ON o.id = p.origin_id
            WHERE p.trade_id = t.id AND o.trade_id <> t.id
        ) e ON true
        WHERE t.is_resale AND e.q <> t.quantity_lots * i.lot_ucu ORDER BY t.id
        """,
    ),
    Invariant(
        "busted_trades_hold_nothing",
        "what a busted trade made is busted, and nothing else is",
        """
        SELECT format('entitlement %s: %s', e.id, e.state)
        FROM exchange_entitlement e
        LEFT JOIN exchange_bust b ON b.trade_id = e.trade_id AND b.busted_at IS NOT NULL
        WHERE (e.state = 'busted') <> (b.trade_id IS NOT NULL) ORDER BY e.id
        """,
    ),
    Invariant(
        "parts_stay_within_their_origin",
        "what was split off keeps issuer and window, and is no more than its origin",
        """
        SELECT format('entitlement %s, origin %s', p.id, o.id)
        FROM exchange_entitlement p JOIN exchange_entitlement o ON o.id = p.origin_id
        WHERE (p.provider_id, p.instrument_id, p.ends_at) <> (o.provider_id, o.instrument_id, o.ends_at)
            OR o.quantity_ucu < (SELECT sum(quantity_ucu) FROM exchange_entitlement WHERE origin_id = o.id)
        ORDER BY p.id
        """,
    ),
    Invariant(
        "orders_are_their_trades",
        "an order has traded what its trades say, and has no more left than it asked for",
        """
        SELECT format('order %s: %s of %s lots traded, %s left, trades %s',
                      o.id, cumulative_lots, quantity_lots, leaves_lots, coalesce(t.lots, 0))
        FROM exchange_order o LEFT JOIN (
            SELECT order_id, sum(quantity_lots) AS lots FROM exchange_trade
            CROSS JOIN LATERAL (VALUES (buy_order_id), (sell_order_id)) AS side (order_id)
            GROUP BY 1
        ) t ON t.order_id = o.id
        WHERE cumulative_lots <> coalesce(t.lots, 0)
            OR (status = 'open' AND cumulative_lots + leaves_lots > quantity_lots)
        ORDER BY o.id
        """,
    ),
    Invariant(
        "order_names_its_parties",
        "an order's instrument, organisation and beneficiary are there",
        """
        SELECT format('order %s', o.id) FROM exchange_order o
        WHERE NOT EXISTS (SELECT FROM exchange_instrument i WHERE i.id = o.instrument_id)
            OR NOT EXISTS (SELECT FROM accounts_organisation a WHERE a.id = o.organisation_id)
            OR NOT EXISTS (SELECT FROM accounts_organisation a WHERE a.id = o.beneficiary_id)
        ORDER BY o.id
        """,
    ),
    Invariant(
        "trade_names_its_orders",
        "a trade is between an order to buy and an order to sell of its instrument",
        """
        SELECT format('trade %s', t.id) FROM exchange_trade t
        LEFT JOIN exchange_order b ON b.id = t.buy_order_id AND b.side = 'buy'
            AND b.instrument_id = t.instrument_id
        LEFT JOIN exchange_order s ON s.id = t.sell_order_id AND s.side = 'sell'
            AND s.instrument_id = t.instrument_id
        WHERE b.id IS NULL OR s.id IS NULL ORDER BY t.id
        """,
    ),
)
