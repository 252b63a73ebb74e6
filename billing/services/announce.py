"""Tell an organisation's webhooks what became of its payments, in the transaction that makes it so.

Each is called with a row that has just come into its state; of states that nobody is told of, nothing is.
"""

from datetime import datetime
from typing import Any, Final

from accounts.services.webhook_emit import webhook_emit
from billing.models import Deposit, Dispute, Payout, Refund
from core.ids import public_id

_DEPOSIT: Final = {
    Deposit.State.SUCCEEDED: "deposit.succeeded",
    Deposit.State.FAILED: "deposit.failed",
    Deposit.State.EXPIRED: "deposit.failed",
}
_REFUND: Final = {
    Refund.State.SUCCEEDED: "refund.succeeded",
    Refund.State.FAILED: "refund.failed",
    Refund.State.RETURNED: "refund.failed",
}
_PAYOUT: Final = {Payout.State.PAID: "payout.paid", Payout.State.RETURNED: "payout.failed"}
_DISPUTE: Final = {
    Dispute.State.OPEN: "dispute.opened",
    Dispute.State.WON: "dispute.closed",
    Dispute.State.LOST: "dispute.closed",
}


def deposit_announce(deposit: Deposit, now: datetime) -> None:
    """This function will tell that a deposit succeeded, failed or was given up."""
    facts = {"failure_code": deposit.failure_code}
    _tell("deposit", deposit, _DEPOSIT.get(Deposit.State(deposit.state)), facts, now)


def refund_announce(refund: Refund, now: datetime) -> None:
    """This function will tell that a refund succeeded, failed or was sent back."""
    facts = {"card_nano_usd": refund.card_nano_usd, "failure_code": refund.failure_code}
    _tell("refund", refund, _REFUND.get(Refund.State(refund.state)), facts, now)


def payout_announce(payout: Payout, now: datetime) -> None:
    """This function will tell that a payout arrived, or is among the earnings again."""
    facts = {"failure_code": payout.failure_code}
    who = payout.payee.organisation_id
    _tell("payout", payout, _PAYOUT.get(Payout.State(payout.state)), facts, now, organisation_id=who)


def dispute_announce(dispute: Dispute, now: datetime) -> None:
    """This function will tell that a dispute took money, or was decided; an inquiry takes none."""
    if not dispute.withdrawn_nano_usd:
        return
    facts = {
        "payment_intent_id": dispute.payment_intent_id,
        "reason": dispute.reason,
        "withdrawn_nano_usd": dispute.withdrawn_nano_usd,
        "reinstated_nano_usd": dispute.reinstated_nano_usd,
    }
    _tell("dispute", dispute, _DISPUTE.get(Dispute.State(dispute.state)), facts, now)


def _tell(kind: str, row: Any, type: str | None, facts: dict[str, Any], now: datetime, **whom: Any) -> None:
    """Once for each state: a deposit may fail and be paid all the same, a dispute be lost and won later."""
    if type is None:
        return
    webhook_emit(
        organisation_id=whom.get("organisation_id") or row.organisation_id,
        type=type,
        event_id=f"{type}:{row.id}:{row.state}",
        data={
            f"{kind}_id": public_id(kind, row.id),
            "state": str(row.state),
            "amount_nano_usd": row.amount_nano_usd,
            **facts,
        },
        now=now,
    )
