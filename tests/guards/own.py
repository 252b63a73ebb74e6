"""What the search of `tests.guards.trials` cannot find by itself: a line here for each."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Trial:
    """Statements that a guard alone refuses, after others that prepare them."""

    statements: tuple[str, ...]
    before: tuple[str, ...] = ()


SAME: Final = "00000000-0000-0000-0000-000000000001"
"""An id that sample rows have in common, where they must."""

GIVEN: Final[dict[str, dict[str, str]]] = {
    "billing_deposit": {
        "state": "'succeeded'",
        "entry_id": "gen_random_uuid()",
        "payment_intent_id": "'pi_1'",
        "amount_nano_usd": "20000000",
    },
    "billing_moneystop": {"resumed_at": "now() + interval '1 day'"},
    "billing_payout": {
        "state": "'paid'",
        "decided_at": "now()",
        "block_reason": "''",
        "transfer_id": "'tr_1'",
        "stripe_payout_id": "'po_1'",
    },
    "billing_refund": {
        "state": "'returned'",
        "entry_id": "gen_random_uuid()",
        "return_entry_id": "gen_random_uuid()",
        "stripe_refund_id": "'re_1'",
    },
    "billing_taxrate": {"country": "'DE'"},
    "billing_usagereceipt": {"lease_id": f"'{SAME}'"},
    "inference_auditday": {"day": "'1970-01-01'"},
}
"""By table: SQL for columns of its sample row, where CHECKs do not tell what they may be."""

TRIALS: Final[dict[str, Trial]] = {
    # It refuses nothing, it writes: so what it wrote is what refuses.
    "billing_hold_recorded": Trial(
        (
            "UPDATE billing_hold SET released = released WHERE xid = 1",
            "DO $$ BEGIN IF EXISTS (SELECT FROM billing_holdevent e JOIN billing_hold h ON h.id = e.hold_id"
            " WHERE h.xid = 1) THEN RAISE 'it was recorded'; END IF; END $$",
        ),
        before=("{billing_hold}", "ALTER TABLE billing_hold DISABLE TRIGGER billing_hold_ends_once"),
    ),
    "billing_stripeevent_stays_whole": Trial(("TRUNCATE billing_stripeevent",)),
    "payout_one_blocked_at_once": Trial(
        (
            "INSERT INTO billing_payout SELECT (jsonb_populate_record(p, jsonb_build_object("
            "'id', gen_random_uuid(), 'state', 'blocked', 'decided_at', NULL, 'day', NULL,"
            " 'transfer_id', NULL, 'stripe_payout_id', NULL, 'reversal_id', NULL))).*"
            " FROM billing_payout AS p, generate_series(1, 2)"
            " WHERE p.id = (SELECT min(id::text)::uuid FROM billing_payout)",
        ),
        before=("{billing_payout}", "SET LOCAL session_replication_role = replica"),
    ),
    "billing_usagereceipt_never_falls": Trial(
        (
            "INSERT INTO billing_usagereceipt SELECT (jsonb_populate_record(r, jsonb_build_object("
            "'sequence', r.sequence + 1, 'compute_ucu', r.compute_ucu - 1, 'xid', core_xid()))).*"
            f" FROM billing_usagereceipt r WHERE r.lease_id = '{SAME}'",
        ),
        before=("{billing_usagereceipt}",),
    ),
    "billing_documentline_adds_up": Trial(
        (
            "SET CONSTRAINTS ALL IMMEDIATE",
            "INSERT INTO billing_documentline SELECT (jsonb_populate_record(line, jsonb_build_object("
            "'id', -1, 'position', 999, 'amount_nano_usd', 7, 'document_id', document.id))).*"
            " FROM billing_documentline line, billing_document document LIMIT 1",
        ),
        before=("{billing_document}", "{billing_documentline}"),
    ),
}
"""By guard. `{table}` among what comes before stands for the insertion of its sample row."""
