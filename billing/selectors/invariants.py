"""The ledger's invariants that one query can check: each returns the rows that break it."""

from dataclasses import dataclass
from typing import Final

from billing.ledger.chart import UNLIMITED

_UNLIMITED: Final = ", ".join(f"'{kind.value}'" for kind in sorted(UNLIMITED, key=lambda kind: kind.value))


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule, and the query that returns one text per row that breaks it (none: it holds)."""

    name: str
    rule: str
    broken_sql: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What checking one rule gave: the first broken row, or None."""

    name: str
    rule: str
    broken: str | None


INVARIANTS: Final = (
    Invariant(
        "balance_is_sum",
        "a balance row is the sum of its account's transfers",
        """
        SELECT format('account %s: posted %s, transfers %s', b.account_id, b.posted, coalesce(p.total, 0))
        FROM billing_balance b
        LEFT JOIN (SELECT account_id, sum(amount) AS total FROM billing_posting GROUP BY 1) p
            USING (account_id)
        WHERE b.posted <> coalesce(p.total, 0) ORDER BY b.account_id
        """,
    ),
    Invariant(
        "held_is_sum",
        "held is the sum of the open holds on the account",
        """
        SELECT format('account %s: held %s, open holds %s',
                      account_id, coalesce(b.held, 0), coalesce(h.open, 0))
        FROM billing_balance b FULL JOIN (
            SELECT account_id, sum(placed - captured - released) AS open
            FROM billing_hold WHERE ended_at IS NULL GROUP BY 1
        ) h USING (account_id)
        WHERE coalesce(b.held, 0) <> coalesce(h.open, 0) ORDER BY account_id
        """,
    ),
    Invariant(
        "available_above_floor",
        "posted − held is not below the floor, and nothing negative is held",
        """
        SELECT format('account %s: posted %s, held %s, floor %s', account_id, posted, held, floor)
        FROM billing_balance WHERE posted - held < floor OR held < 0 ORDER BY account_id
        """,
    ),
    Invariant(
        "limits_have_rows",
        "an account has a balance row if, and only if, its kind has a limit",
        f"""
        SELECT format('account %s: %s', a.id, a.kind)
        FROM billing_account a LEFT JOIN billing_balance b ON b.account_id = a.id
        WHERE (a.kind IN ({_UNLIMITED})) = (b.account_id IS NOT NULL) ORDER BY a.id
        """,  # noqa: S608 - our own constants
    ),
    Invariant(
        "transfer_is_sound",
        "a transfer moves a positive amount of one asset between two accounts",
        """
        SELECT format('transfer %s: %s %s', t.id, t.amount, t.asset)
        FROM billing_transfer t
        LEFT JOIN billing_account d ON d.id = t.debit_id LEFT JOIN billing_account c ON c.id = t.credit_id
        WHERE t.amount <= 0 OR t.debit_id = t.credit_id
            OR (t.asset = d.asset AND t.asset = c.asset) IS NOT TRUE
        ORDER BY t.id
        """,
    ),
    Invariant(
        "trial_balance_zero",
        "all accounts of an asset sum to zero",
        """
        SELECT format('asset %s: %s', asset, sum(amount)) FROM (
            SELECT a.asset, b.posted AS amount
            FROM billing_balance b JOIN billing_account a ON a.id = b.account_id
            UNION ALL
            SELECT a.asset, p.amount FROM billing_posting p JOIN billing_account a ON a.id = p.account_id
            WHERE NOT EXISTS (SELECT FROM billing_balance b WHERE b.account_id = a.id)
        ) everything GROUP BY asset HAVING sum(amount) <> 0 ORDER BY asset
        """,
    ),
    Invariant(
        "holds_add_up",
        "captured + released stay within placed, and a hold has ended when they reach it",
        """
        SELECT format('hold %s: placed %s, captured %s, released %s, ended %s',
                      id, placed, captured, released, coalesce(ended_at::text, 'no'))
        FROM billing_hold
        WHERE placed <= 0 OR captured < 0 OR released < 0 OR captured + released > placed
            OR (captured + released = placed) <> (ended_at IS NOT NULL) ORDER BY id
        """,
    ),
    Invariant(
        "holds_say_their_events",
        "a hold stands where its last event left it",
        """
        SELECT format('hold %s: captured %s, released %s, ended %s; its events say %s, %s, %s',
                      coalesce(h.id, e.hold_id), h.captured, h.released, coalesce(h.ended_at::text, 'no'),
                      coalesce(e.captured, 0), coalesce(e.released, 0), coalesce(e.ended_at::text, 'no'))
        FROM billing_hold h FULL JOIN (
            SELECT hold_id, max(captured) AS captured, max(released) AS released, max(ended_at) AS ended_at
            FROM billing_holdevent GROUP BY hold_id
        ) e ON e.hold_id = h.id
        WHERE (h.captured, h.released, h.ended_at)
            IS DISTINCT FROM (coalesce(e.captured, 0), coalesce(e.released, 0), e.ended_at)
        ORDER BY coalesce(h.id, e.hold_id)
        """,
    ),
    Invariant(
        "compute_is_backed",
        "per entitlement, what is undrawn is what its provider owes, and none undrawn means no escrow",
        """
        SELECT format('entitlement %s: undrawn %s, issued %s, escrow %s',
                      entitlement_id, undrawn, issue, escrow)
        FROM (
            SELECT a.entitlement_id,
                coalesce(sum(b.posted) FILTER (WHERE a.kind = 'entitlement'), 0) AS undrawn,
                coalesce(sum(b.posted) FILTER (WHERE a.kind = 'issue'), 0) AS issue,
                coalesce(sum(b.posted) FILTER (WHERE a.kind = 'escrow'), 0) AS escrow
            FROM billing_account a JOIN billing_balance b ON b.account_id = a.id
            WHERE a.entitlement_id IS NOT NULL GROUP BY a.entitlement_id
        ) e
        WHERE undrawn + issue <> 0 OR (undrawn = 0 AND escrow <> 0) ORDER BY entitlement_id
        """,
    ),
    Invariant(
        "transit_not_overdrawn",
        "no more has left transit than was put into it",
        """
        SELECT format('transit %s: %s', a.id, sum(p.amount))
        FROM billing_account a JOIN billing_posting p ON p.account_id = a.id
        WHERE a.kind = 'transit' GROUP BY a.id HAVING sum(p.amount) < 0
        """,
    ),
    Invariant(
        "checkpoint_is_sum",
        "a checkpoint is the sum of the transfers whose transactions lie before its cut",
        """
        SELECT format('checkpoint of %s at %s: %s, transfers %s', account_id, cut_xid, posted, summed)
        FROM (
            SELECT c.account_id, c.cut_xid, c.posted,
                   sum(coalesce(d.amount, 0)) OVER (PARTITION BY c.account_id ORDER BY c.cut_xid) AS summed
            FROM billing_checkpoint c JOIN (
                SELECT cut_xid, row_number() OVER (ORDER BY cut_xid) - 1 AS span
                FROM (SELECT DISTINCT cut_xid FROM billing_checkpoint) every
            ) cut USING (cut_xid) LEFT JOIN (
                SELECT p.account_id, sum(p.amount) AS amount,
                       width_bucket(e.xid, (SELECT array_agg(cut_xid ORDER BY cut_xid) FROM (
                           SELECT DISTINCT cut_xid FROM billing_checkpoint) every)) AS span
                FROM billing_posting p JOIN billing_entry e ON e.id = p.entry_id
                WHERE p.account_id IN (SELECT account_id FROM billing_checkpoint) GROUP BY 1, 3
            ) d ON d.account_id = c.account_id AND d.span = cut.span
        ) every WHERE posted <> summed ORDER BY cut_xid, account_id
        """,
    ),
    Invariant(
        "days_are_sums",
        "the days of an organisation's accounts are the sums of the transfers before the cut",
        """
        SELECT format('day %s of %s, %s %s %s: %s, transfers %s', day, account_id, entry_kind, counter,
                      CASE WHEN is_in THEN 'in' ELSE 'out' END, coalesce(d.amount, 0), coalesce(m.amount, 0))
        FROM billing_accountday d FULL JOIN (
            SELECT account_id, day, entry_kind, counter, is_in, sum(amount) AS amount
            FROM billing_movement WHERE xid < (SELECT cut_xid FROM billing_daysrolled) GROUP BY 1, 2, 3, 4, 5
        ) m USING (account_id, day, entry_kind, counter, is_in)
        WHERE d.amount IS DISTINCT FROM m.amount ORDER BY day, account_id
        """,
    ),
    Invariant(
        "usage_never_falls",
        "what a lease has used never falls along it, and is of one organisation",
        """
        SELECT format('lease %s at %s: %s µCU after %s', lease_id, sequence, compute_ucu, before_ucu)
        FROM (
            SELECT *, lag(compute_ucu) OVER lease AS before_ucu, lag(organisation_id) OVER lease AS before_id
            FROM billing_usagereceipt WINDOW lease AS (PARTITION BY lease_id ORDER BY sequence)
        ) steps WHERE compute_ucu < before_ucu OR organisation_id <> before_id ORDER BY lease_id, sequence
        """,
    ),
)
