"""Payouts, disputes and their entries say the same, both ways (I7)."""

from typing import Final

from billing.selectors.invariants import Invariant

# What each state of a payout has been posted as, and from where it came back.
_STEPS: Final = """
    SELECT p.id, p.state, p.amount_nano_usd AS amount, s.kind, s.kind || ':' || p.id AS key, s.credit,
        CASE s.kind
            WHEN 'payout' THEN p.state <> 'blocked'
            WHEN 'payout_sent' THEN p.transfer_id IS NOT NULL
            WHEN 'payout_reversed' THEN p.reversed_at IS NOT NULL
            WHEN 'payout_kept' THEN p.state = 'kept' OR p.state = 'returned' AND EXISTS (
                SELECT FROM billing_entry r JOIN billing_transfer l ON l.entry_id = r.id
                JOIN billing_account d ON d.id = l.debit_id
                WHERE r.key = 'payout_returned:' || p.id AND d.kind = 'insurance')
            ELSE p.state = 'returned'
        END AS due
    FROM billing_payout p CROSS JOIN (VALUES
        ('payout', 'payouts_in_transit'), ('payout_sent', 'stripe_clearing'), ('payout_returned', 'earnings'),
        ('payout_reversed', 'payouts_in_transit'), ('payout_kept', 'insurance')
    ) AS s (kind, credit)
"""

INVARIANTS: Final = (
    Invariant(
        "payout_is_posted",
        "each step that a payout took has one entry of its amount, and no other step has one",
        f"""
        SELECT format('payout %s: %s, %s %s, posted %s', s.id, s.state, s.kind, s.amount, t.amount)
        FROM ({_STEPS}) s LEFT JOIN billing_entry e ON e.key = s.key
        LEFT JOIN LATERAL (
            SELECT sum(t.amount) AS amount, bool_and(c.kind = s.credit) AS is_sound
            FROM billing_transfer t JOIN billing_account c ON c.id = t.credit_id WHERE t.entry_id = e.id
        ) t ON true
        WHERE s.due <> (e.id IS NOT NULL)
            OR e.id IS NOT NULL AND (t.amount <> s.amount OR NOT t.is_sound) ORDER BY s.id
        """,  # noqa: S608 - our own constants
    ),
    Invariant(
        "posted_payout_has_row",
        "an entry of a payout's step is of one payout",
        """
        SELECT format('entry %s: %s', e.id, e.key) FROM billing_entry e
        WHERE e.kind IN ('payout', 'payout_sent', 'payout_returned', 'payout_reversed', 'payout_kept')
        AND NOT EXISTS (
            SELECT FROM billing_payout p WHERE e.key = e.kind || ':' || p.id
        ) ORDER BY e.id
        """,
    ),
    Invariant(
        "in_transit_is_decided_payouts",
        "payouts in transit are those decided on, neither sent nor returned, or reversed and waiting",
        """
        SELECT format('in transit %s, payouts %s', posted, owed) FROM (
            SELECT (SELECT coalesce(sum(p.amount), 0) FROM billing_posting p
                    JOIN billing_account a ON a.id = p.account_id
                    WHERE a.kind = 'payouts_in_transit') AS posted,
                (SELECT coalesce(sum(amount_nano_usd), 0) FROM billing_payout
                    WHERE transfer_id IS NULL AND state IN ('decided', 'failed')
                        OR state = 'reversed') AS owed
        ) totals WHERE posted <> owed
        """,
    ),
    Invariant(
        "dispute_is_posted",
        "what a dispute took and gave back is posted, once each, and was taken from somebody",
        """
        SELECT format('dispute %s: took %s + %s, posted %s; gave back %s + %s, posted %s; takings %s, %s',
                      d.id, withdrawn_nano_usd, fee_nano_usd, took.amount, reinstated_nano_usd,
                      fee_returned_nano_usd, gave.amount, taken.amount, taken.back)
        FROM billing_dispute d
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(t.amount), 0) AS amount FROM billing_entry e
            JOIN billing_transfer t ON t.entry_id = e.id JOIN billing_account a ON a.id = t.credit_id
            WHERE e.key = 'dispute:' || d.stripe_dispute_id AND a.kind = 'stripe_clearing'
        ) took
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(t.amount), 0) AS amount FROM billing_entry e
            JOIN billing_transfer t ON t.entry_id = e.id JOIN billing_account a ON a.id = t.debit_id
            WHERE e.key = 'dispute_won:' || d.stripe_dispute_id AND a.kind = 'stripe_clearing'
        ) gave
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount_nano_usd), 0) AS amount, coalesce(sum(given_back_nano_usd), 0) AS back
            FROM billing_disputetaking WHERE dispute_id = d.id
        ) taken
        WHERE took.amount <> withdrawn_nano_usd + fee_nano_usd OR taken.amount <> withdrawn_nano_usd
            OR gave.amount <> reinstated_nano_usd + fee_returned_nano_usd OR taken.back <> reinstated_nano_usd
        ORDER BY d.id
        """,
    ),
    Invariant(
        "posted_dispute_has_row",
        "an entry of a dispute is of one dispute",
        """
        SELECT format('entry %s: %s', e.id, e.key) FROM billing_entry e
        WHERE e.kind IN ('dispute', 'dispute_won') AND NOT EXISTS (
            SELECT FROM billing_dispute d WHERE e.key = e.kind || ':' || d.stripe_dispute_id
        ) ORDER BY e.id
        """,
    ),
    Invariant(
        "disputed_is_sum",
        "of a deposit, a card lot and hold-back as much counts as disputed as its disputes took and hold",
        """
        SELECT format('deposit %s: %s, disputes %s', d.id, d.disputed_nano_usd, sum(of_deposit_nano_usd))
        FROM billing_deposit d JOIN billing_dispute s USING (payment_intent_id)
        GROUP BY d.id HAVING d.disputed_nano_usd <> sum(of_deposit_nano_usd)
        UNION ALL
        SELECT format('held back %s: taken %s, disputes %s', c.id, c.taken_nano_usd, coalesce(t.held, 0))
        FROM billing_cardspend c LEFT JOIN (
            SELECT spend_id, sum(amount_nano_usd - given_back_nano_usd) AS held
            FROM billing_disputetaking GROUP BY 1
        ) t ON t.spend_id = c.id WHERE c.taken_nano_usd <> coalesce(t.held, 0)
        """,
    ),
)
