"""What must hold between jobs and what is written about them: each query returns the rows that break it."""

from typing import Final

from accounts.selectors.house import PUBLIC_ACCESS_ID
from billing.selectors.invariants import Invariant

INVARIANTS: Final = (
    Invariant(
        "job_is_charged_once",
        "a completed job has a charge of what its row says, to who pays for it, and no other job has one",
        f"""
        SELECT format('job %s (%s): %s charged, charge of %s', coalesce(j.id, c.subject_id), j.state,
                      j.charged_nano_usd, c.escrow_nano_usd + c.fee_nano_usd)
        FROM (SELECT * FROM inference_job WHERE state = 'completed') j
        FULL JOIN (SELECT * FROM billing_charge WHERE kind = 'job') c ON c.subject_id = j.id
        WHERE j.id IS NULL OR c.id IS NULL
            OR (j.charged_nano_usd, j.compute_ucu,
                CASE WHEN j.is_public_access THEN '{PUBLIC_ACCESS_ID}' ELSE j.organisation_id END, j.tag)
                <> (c.escrow_nano_usd + c.fee_nano_usd, c.compute_ucu, c.organisation_id, c.tag)
            OR j.api_key_id IS DISTINCT FROM c.api_key_id
        ORDER BY 1
        """,  # noqa: S608 - our own constant
    ),
    Invariant(
        "no_budget_waits_for_an_ended_job",
        "what a budget has reserved is for a job that runs",
        """
        SELECT format('budget reservation %s: job %s is %s', b.id, b.job_id, j.state)
        FROM billing_budgetreservation b JOIN inference_job j ON j.id = b.job_id
        WHERE b.ended_at IS NULL AND j.ended_at IS NOT NULL ORDER BY b.id
        """,
    ),
    Invariant(
        "usage_accrued_to_the_charge",
        "what a completed job is charged for is what its lease's last usage receipt says",
        """
        SELECT format('job %s: %s µCU charged, %s accrued', j.id, j.compute_ucu, coalesce(u.compute_ucu, 0))
        FROM inference_job j JOIN inference_lease l ON l.job_id = j.id AND l.state = 'delivered'
        LEFT JOIN billing_usagereceipt u ON u.lease_id = l.id AND u.sequence = l.output_tokens
        WHERE j.state = 'completed' AND j.compute_ucu <> coalesce(u.compute_ucu, 0)
            AND EXISTS (SELECT FROM billing_usagereceipt any_receipt WHERE any_receipt.lease_id = l.id)
        ORDER BY j.id
        """,
    ),
)
