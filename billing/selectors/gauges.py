"""What `/metrics` says of money: what is under way, what is late, what does not agree."""

from typing import Final

from core.gauges import Gauge

GAUGES: Final = (
    Gauge(
        "cux_holds_open",
        "Holds that have not ended, by kind.",
        "SELECT kind, count(*) FROM billing_hold WHERE ended_at IS NULL GROUP BY kind",
        "kind",
    ),
    Gauge(
        "cux_hold_oldest_seconds",
        "Age of the oldest hold that has not ended, by kind.",
        "SELECT kind, extract(epoch FROM now() - min(created_at)) FROM billing_hold WHERE ended_at IS NULL"
        " GROUP BY kind",
        "kind",
    ),
    Gauge(
        "cux_holds_overdue",
        "Holds that have expired and that nobody has ended.",
        "SELECT count(*) FROM billing_hold WHERE ended_at IS NULL AND expires_at < now()",
    ),
    Gauge(
        "cux_ledger_unsealed_seconds",
        "Age of the oldest entry that is not sealed.",
        "SELECT coalesce(extract(epoch FROM now() - min(booked_at)), 0) FROM billing_entry"
        " WHERE xid >= (SELECT coalesce(max(to_xid), 0) FROM billing_seal)",
    ),
    Gauge(
        "cux_head_age_seconds",
        "Age of the newest published head of the sealed chain.",
        "SELECT extract(epoch FROM now() - max(published_at)) FROM billing_head",
    ),
    Gauge(
        "cux_stripe_events_unprocessed",
        "Events of Stripe's that were noted and not processed.",
        "SELECT count(*) FROM billing_stripeevent WHERE processed_at IS NULL",
    ),
    Gauge(
        "cux_stripe_event_oldest_seconds",
        "Age of the oldest event of Stripe's that is not processed.",
        "SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0) FROM billing_stripeevent"
        " WHERE processed_at IS NULL",
    ),
    Gauge(
        "cux_reconciliation_breaks",
        "Breaks that the last comparison with Stripe's books found.",
        "SELECT jsonb_array_length(breaks) FROM billing_reconciliation ORDER BY read_at DESC LIMIT 1",
    ),
    Gauge(
        "cux_reconciliation_age_seconds",
        "Time since the books were last compared with Stripe's.",
        "SELECT extract(epoch FROM now() - read_at) FROM billing_reconciliation"
        " ORDER BY read_at DESC LIMIT 1",
    ),
    Gauge(
        "cux_deposits",
        "Deposits of the last 24 hours, and all that are unfinished, by state.",
        """SELECT state, count(*) FROM billing_deposit
        WHERE id >= %(since_id)s OR state IN ('pending', 'open', 'requires_action') GROUP BY state""",
        "state",
    ),
    Gauge(
        "cux_refunds",
        "Refunds of the last 24 hours, and all that are unfinished, by state.",
        """SELECT state, count(*) FROM billing_refund
        WHERE id >= %(since_id)s OR state IN ('pulling', 'held', 'pending') GROUP BY state""",
        "state",
    ),
    Gauge(
        "cux_refund_oldest_seconds",
        "Age of the oldest refund that is unfinished.",
        "SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM billing_refund"
        " WHERE state IN ('pulling', 'held', 'pending')",
    ),
    Gauge(
        "cux_payouts",
        "Payouts of the last 24 hours, and all that are unfinished, by state.",
        """SELECT state, count(*) FROM billing_payout
        WHERE id >= %(since_id)s OR next_step_at IS NOT NULL OR state IN ('blocked', 'reversed')
        GROUP BY state""",
        "state",
    ),
    Gauge(
        "cux_payout_oldest_seconds",
        "Age of the oldest payout that was decided and has not arrived, by state.",
        """SELECT state, extract(epoch FROM now() - min(decided_at)) FROM billing_payout
        WHERE next_step_at IS NOT NULL GROUP BY state""",
        "state",
    ),
    Gauge(
        "cux_dispute_debt_nano_usd",
        "What is owed for disputed payments, all debtors together.",
        "SELECT -coalesce(sum(posted), 0) FROM billing_balance WHERE account_id IN"
        " (SELECT id FROM billing_account WHERE kind = 'dispute_debt')",
    ),
    Gauge(
        "cux_disputes_open",
        "Disputes that are not decided.",
        "SELECT count(*) FROM billing_dispute WHERE state IN ('open', 'inquiry')",
    ),
    Gauge(
        "cux_budgets_alerted",
        "Windows of budgets that run now and have reached 50, 80 or 100 %.",
        """SELECT w.alerted_percent::text, count(*) FROM billing_budget b
        JOIN billing_budgetwindow w ON w.budget_id = b.id AND w.starts_at = date_trunc(b.window, now(), 'UTC')
        WHERE b.ended_at IS NULL AND w.alerted_percent > 0 GROUP BY 1""",
        "percent",
    ),
    Gauge(
        "cux_money_actions_waiting",
        "Proposals to move money by hand that wait for a second operator.",
        "SELECT count(*) FROM billing_moneyaction"
        " WHERE id >= %(since_id)s AND approved_by = '' AND proposed_at > now() - interval '24 hours'",
    ),
    Gauge(
        "cux_money_stopped",
        "1 while nothing is paid out or refunded, by an operator or after a restore.",
        "SELECT count(*) FROM billing_moneystop WHERE resumed_at IS NULL",
    ),
)
