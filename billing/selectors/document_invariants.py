"""What must hold between the ledger and what is written about it: charges, budgets, documents."""

from typing import Final

from billing.selectors.invariants import Invariant

_TO_PROVIDER: Final = "('earnings', 'hold_back')"
_EARNED: Final = "('fee_income', 'insurance', 'public_access')"

INVARIANTS: Final = (
    Invariant(
        "charge_is_its_entry",
        "a charge says what its ledger entry gave the provider and earned in fees",
        f"""
        SELECT format('charge %s: escrow %s, fee %s; entry %s: %s, %s',
                      c.id, c.escrow_nano_usd, c.fee_nano_usd, c.entry_key, t.escrow, t.fee)
        FROM billing_charge c JOIN billing_entry e ON e.key = c.entry_key
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(t.amount) FILTER (WHERE d.kind = 'escrow' AND r.kind IN {_TO_PROVIDER}), 0)
                    AS escrow,
                coalesce(sum(t.amount) FILTER (WHERE d.kind = 'deferred_fees' AND r.kind IN {_EARNED}), 0)
                    AS fee
            FROM billing_transfer t
            JOIN billing_account d ON d.id = t.debit_id JOIN billing_account r ON r.id = t.credit_id
            WHERE t.entry_id = e.id
        ) t
        WHERE (c.escrow_nano_usd, c.fee_nano_usd) <> (t.escrow, t.fee)
            OR e.key <> CASE c.kind WHEN 'job' THEN 'settle:' ELSE 'expire:' END || c.subject_id
        ORDER BY c.id
        """,  # noqa: S608 - our own constants
    ),
    Invariant(
        "expiry_has_its_charge",
        "an expiry that paid the provider, or earned a fee, is a charge",
        f"""
        SELECT format('entry %s: %s', e.id, e.key) FROM billing_entry e
        WHERE e.kind = 'expire' AND NOT EXISTS (SELECT FROM billing_charge c WHERE c.entry_key = e.key)
            AND EXISTS (
                SELECT FROM billing_transfer t
                JOIN billing_account d ON d.id = t.debit_id JOIN billing_account r ON r.id = t.credit_id
                WHERE t.entry_id = e.id AND ((d.kind = 'escrow' AND r.kind IN {_TO_PROVIDER})
                    OR (d.kind = 'deferred_fees' AND r.kind IN {_EARNED}))
            )
        ORDER BY e.id
        """,  # noqa: S608 - our own constants
    ),
    Invariant(
        "budgets_follow_the_ledger",
        "a budget's window has reserved what its running jobs may cost, and spent what the ended ones did",
        """
        SELECT format('budget window %s: reserved %s of %s, spent %s of %s',
                      w.id, w.reserved_nano_usd, r.reserved, w.spent_nano_usd, w.opening_nano_usd + r.spent)
        FROM billing_budgetwindow w CROSS JOIN LATERAL (
            SELECT coalesce(sum(b.amount_nano_usd) FILTER (WHERE b.ended_at IS NULL), 0) AS reserved,
                coalesce(sum(c.escrow_nano_usd + c.fee_nano_usd) FILTER (WHERE b.ended_at IS NOT NULL), 0)
                    AS spent
            FROM billing_budgetreservation b
            LEFT JOIN billing_charge c ON c.kind = 'job' AND c.subject_id = b.job_id
            WHERE b.window_id = w.id
        ) r
        WHERE (w.reserved_nano_usd, w.spent_nano_usd) <> (r.reserved, w.opening_nano_usd + r.spent)
        ORDER BY w.id
        """,
    ),
    Invariant(
        "document_is_its_entry",
        "a document's net is what its entry moved on the organisation's money, its tax what it moved there",
        """
        SELECT format('document %s-%s: net %s, tax %s; entry %s: %s, %s', d.series, d.sequence,
                      d.net_nano_usd, d.tax_nano_usd, d.entry_key, t.net, t.tax)
        FROM billing_document d JOIN billing_entry e ON e.key = d.entry_key
        CROSS JOIN LATERAL (
            SELECT abs(coalesce(sum(p.amount) FILTER (
                    WHERE a.organisation_id = d.organisation_id AND a.kind IN ('funding', 'dispute_debt')
                        AND c.kind NOT IN ('funding', 'dispute_debt', 'stripe_fees')
                        OR a.organisation_id = d.organisation_id AND a.kind = 'funding'
                        AND c.kind = 'funding' AND c.organisation_id <> d.organisation_id
                ), 0)) AS net,
                abs(coalesce(sum(p.amount) FILTER (WHERE a.kind = 'tax'), 0)) AS tax
            FROM billing_posting p JOIN billing_account a ON a.id = p.account_id
            JOIN billing_account c ON c.id = p.counter_id WHERE p.entry_id = e.id
        ) t
        WHERE (d.net_nano_usd, d.tax_nano_usd) <> (t.net, t.tax) ORDER BY d.id
        """,
    ),
    Invariant(
        "deposit_has_its_invoice",
        "a deposit that was paid has an invoice",
        """
        SELECT format('deposit %s', p.id) FROM billing_deposit p JOIN billing_entry e ON e.id = p.entry_id
        WHERE NOT EXISTS (SELECT FROM billing_document d
                          WHERE d.entry_key = e.key AND d.kind = 'invoice' AND d.reason = 'deposit')
        ORDER BY p.id
        """,
    ),
    Invariant(
        "refund_has_its_credit_note",
        "a refund that succeeded has a credit note, and one that the bank sent back an invoice again",
        """
        SELECT format('refund %s', r.id) FROM billing_refund r
        LEFT JOIN billing_entry out ON out.id = r.entry_id
        LEFT JOIN billing_entry back ON back.id = r.return_entry_id
        WHERE (out.id IS NOT NULL AND NOT EXISTS (
                SELECT FROM billing_document d WHERE d.entry_key = out.key AND d.kind = 'credit_note'))
            OR (back.id IS NOT NULL AND NOT EXISTS (
                SELECT FROM billing_document d WHERE d.entry_key = back.key AND d.kind = 'invoice'))
        ORDER BY r.id
        """,
    ),
    Invariant(
        "goodwill_has_its_credit_note",
        "a goodwill credit that two operators gave has a credit note",
        """
        SELECT format('money action %s', m.id)
        FROM billing_moneyaction m JOIN billing_entry e ON e.id = m.entry_id
        WHERE m.kind = 'goodwill' AND NOT EXISTS (
            SELECT FROM billing_document d
            WHERE d.entry_key = e.key AND d.kind = 'credit_note' AND d.reason = 'goodwill')
        ORDER BY m.id
        """,
    ),
    Invariant(
        "document_adds_up",
        "a document's lines add up to its net",
        """
        SELECT format('document %s-%s: net %s, lines %s', d.series, d.sequence, d.net_nano_usd,
                      coalesce(sum(l.amount_nano_usd), 0))
        FROM billing_document d LEFT JOIN billing_documentline l ON l.document_id = d.id
        GROUP BY d.id HAVING d.net_nano_usd <> coalesce(sum(l.amount_nano_usd), 0) ORDER BY d.id
        """,
    ),
    Invariant(
        "document_numbers_have_no_gap",
        "each series of documents counts from 1 to its counter without a gap",
        """
        SELECT format('series %s: counter %s, %s documents up to %s', series, c.last, d.count, d.highest)
        FROM billing_documentcounter c FULL JOIN (
            SELECT series, count(*) AS count, max(sequence) AS highest FROM billing_document GROUP BY series
        ) d USING (series)
        WHERE c.last IS DISTINCT FROM d.count OR c.last IS DISTINCT FROM d.highest ORDER BY series
        """,
    ),
)
