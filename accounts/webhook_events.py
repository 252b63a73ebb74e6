"""The closed list of events that webhooks tell of."""

from typing import Final

TYPES: Final = {
    "deposit.succeeded": "A deposit is in the balance.",
    "deposit.failed": "A deposit was declined or given up.",
    "refund.succeeded": "A refund is on its way to the card.",
    "refund.failed": "A refund did not go through; the money is in the balance again.",
    "payout.paid": "A payout has reached the bank.",
    "payout.failed": "A payout came back; the money is in the earnings again.",
    "dispute.opened": "A payment is disputed; its amount was taken back.",
    "dispute.closed": "A dispute was won or lost.",
    "invoice.issued": "An invoice or a credit note can be fetched.",
    "budget.alert": "A budget has reached 50, 80 or 100 %.",
    "job.settled": "A job was metered, charged and receipted.",
    "job.refunded": "A job ended without an answer and cost nothing.",
}
"""What each type says, for people."""
