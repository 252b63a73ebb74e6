"""Money by card and its entries say the same, both ways (I7); what was asked for is not lost."""

from typing import Final

from billing.selectors.invariants import Invariant

INVARIANTS: Final = (
    Invariant(
        "deposit_is_posted",
        "a deposit that succeeded has one entry, which credits its amount and tax out of clearing",
        """
        SELECT format('deposit %s: %s, posted %s', d.id, d.amount_nano_usd, coalesce(p.net, 0))
        FROM billing_deposit d LEFT JOIN billing_entry e ON e.id = d.entry_id LEFT JOIN LATERAL (
            SELECT sum(t.amount) FILTER (WHERE c.kind = 'funding') AS net,
                   coalesce(sum(t.amount) FILTER (WHERE c.kind = 'tax'), 0) AS tax,
                   coalesce(sum(t.amount) FILTER (WHERE s.kind = 'stripe_fees'), 0) AS fee
            FROM billing_transfer t JOIN billing_account c ON c.id = t.credit_id
            JOIN billing_account s ON s.id = t.debit_id WHERE t.entry_id = d.entry_id
        ) p ON true
        WHERE d.state = 'succeeded' AND (
            e.key IS DISTINCT FROM 'deposit:' || d.payment_intent_id
            OR (p.net, p.tax, p.fee) IS DISTINCT FROM
               (d.amount_nano_usd::numeric, d.tax_nano_usd::numeric, d.stripe_fee_nano_usd::numeric)
        ) ORDER BY d.id
        """,
    ),
    Invariant(
        "posted_deposit_has_row",
        "an entry that credits card money is of one deposit",
        """
        SELECT format('entry %s: %s', e.id, e.key) FROM billing_entry e
        WHERE e.kind = 'deposit' AND EXISTS (
            SELECT FROM billing_transfer t JOIN billing_account a ON a.id = t.debit_id
            WHERE t.entry_id = e.id AND a.kind = 'stripe_clearing'
        ) AND NOT EXISTS (SELECT FROM billing_deposit d WHERE d.entry_id = e.id) ORDER BY e.id
        """,
    ),
    Invariant(
        "refund_is_posted",
        "a refund that succeeded has one entry, which sends what its card got; one sent back, the reverse",
        """
        SELECT format('refund %s: %s, posted %s, returned %s', r.id, r.card_nano_usd, out.card, back.card)
        FROM billing_refund r
        LEFT JOIN billing_entry e ON e.id = r.entry_id LEFT JOIN billing_entry b ON b.id = r.return_entry_id
        LEFT JOIN LATERAL (
            SELECT sum(t.amount) AS card FROM billing_transfer t JOIN billing_account a ON a.id = t.credit_id
            WHERE t.entry_id = e.id AND a.kind = 'stripe_clearing'
        ) out ON true
        LEFT JOIN LATERAL (
            SELECT sum(t.amount) AS card FROM billing_transfer t JOIN billing_account a ON a.id = t.debit_id
            WHERE t.entry_id = b.id AND a.kind = 'stripe_clearing'
        ) back ON true
        WHERE r.entry_id IS NOT NULL AND (
                e.key <> 'refund:' || r.id OR out.card IS DISTINCT FROM r.card_nano_usd::numeric)
            OR r.return_entry_id IS NOT NULL AND (
                b.key <> 'refund_returned:' || r.id OR back.card IS DISTINCT FROM r.card_nano_usd::numeric)
        ORDER BY r.id
        """,
    ),
    Invariant(
        "posted_refund_has_row",
        "an entry of a refund, or of one that was sent back, is of one refund",
        """
        SELECT format('entry %s: %s', e.id, e.key) FROM billing_entry e
        WHERE e.kind = 'refund' AND NOT EXISTS (SELECT FROM billing_refund r WHERE r.entry_id = e.id)
            OR e.kind = 'refund_returned'
                AND NOT EXISTS (SELECT FROM billing_refund r WHERE r.return_entry_id = e.id)
        ORDER BY e.id
        """,
    ),
    Invariant(
        "refund_holds_its_money",
        "a refund that Stripe has, or is to be asked for, holds its money, and no other does",
        """
        SELECT format('refund %s: %s, held %s', r.id, r.state, h.placed - h.captured - h.released)
        FROM billing_refund r LEFT JOIN billing_hold h ON h.id = r.id AND h.kind = 'refund'
        WHERE coalesce(h.placed - h.captured - h.released, 0)
            <> CASE WHEN r.state IN ('held', 'pending') THEN r.amount_nano_usd ELSE 0 END
        UNION ALL
        SELECT format('hold %s: no refund', h.id) FROM billing_hold h
        WHERE h.kind = 'refund' AND NOT EXISTS (SELECT FROM billing_refund r WHERE r.id = h.id)
        """,
    ),
    Invariant(
        "refunded_is_sum",
        "what a deposit has been refunded is the sum of its refunds; made at Stripe, they may be beyond it",
        """
        SELECT format('deposit %s: %s, refunds %s', d.id, d.refunded_nano_usd, r.total)
        FROM billing_deposit d JOIN LATERAL (
            SELECT coalesce(sum(amount_nano_usd), 0) AS total,
                   coalesce(bool_or(origin = 'stripe'), false) AS at_stripe
            FROM billing_refund WHERE deposit_id = d.id AND state NOT IN ('failed', 'returned')
        ) r ON true
        WHERE d.refunded_nano_usd > r.total OR NOT r.at_stripe AND d.refunded_nano_usd < r.total ORDER BY d.id
        """,
    ),
    Invariant(
        "dispute_debt_not_overpaid",
        "nobody has repaid more for disputes than they owed",
        """
        SELECT format('account %s: %s', a.id, b.posted)
        FROM billing_account a JOIN billing_balance b ON b.account_id = a.id
        WHERE a.kind = 'dispute_debt' AND b.posted > 0 ORDER BY a.id
        """,
    ),
)
