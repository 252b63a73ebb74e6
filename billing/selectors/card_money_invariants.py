"""Money by card and its entries say the same, both ways (I7); what was asked for is not lost."""

from typing import Final

from billing.selectors.invariants import Invariant, guards_stand

_GUARDS: Final = (
    "billing_deposit_stays",
    "billing_deposit_succeeds_once",
    "billing_refund_stays",
    "billing_refund_goes_on",
    "billing_stripeevent_stays",
    "billing_stripeevent_once",
)

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
        "dispute_debt_not_overpaid",
        "nobody has repaid more for disputes than they owed",
        """
        SELECT format('account %s: %s', a.id, b.posted)
        FROM billing_account a JOIN billing_balance b ON b.account_id = a.id
        WHERE a.kind = 'dispute_debt' AND b.posted > 0 ORDER BY a.id
        """,
    ),
    guards_stand("card_money_guards_stand", _GUARDS),
)
