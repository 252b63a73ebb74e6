"""Celery tasks of billing: ids in, one service call each, any number of times.

`OUTBOX_HANDLERS` is what the outbox's drain does with billing's topics.
"""

import uuid
from typing import Any, Final

from celery import shared_task
from django.db import transaction

from accounts.services.webhook_emit import webhook_emit
from billing.services.auto_top_up import auto_top_ups_run
from billing.services.checkpoint_take import checkpoint_take
from billing.services.days_roll import days_roll
from billing.services.deposit_step import deposit_step
from billing.services.deposits_reconcile import deposits_reconcile
from billing.services.event_process import event_process
from billing.services.events_reconcile import events_catch_up, events_reconcile
from billing.services.head_publish import head_publish
from billing.services.holds import holds_expire
from billing.services.ledger_seal import ledger_seal
from billing.services.payees_reconcile import payees_reconcile
from billing.services.payout_step import payout_step
from billing.services.payouts_run import payouts_reconcile, payouts_run
from billing.services.refund_apply import refund_pulled
from billing.services.refund_step import refund_step, refunds_reconcile
from billing.services.stripe_reconcile import stripe_reconcile_daily
from billing.services.stripe_turn import at_stripe
from core.clock import utc_now
from core.outbox import Handler


@shared_task(name="billing.holds_expire")
def holds_expire_task() -> None:
    """Release holds whose time is over."""
    holds_expire(now=utc_now())


@shared_task(name="billing.checkpoint_take")
def checkpoint_take_task() -> None:
    """Note what the house accounts have."""
    checkpoint_take(now=utc_now())


@shared_task(name="billing.days_roll")
def days_roll_task() -> None:
    """Add up what moved on organisations' accounts."""
    days_roll()


@shared_task(name="billing.event_process")
@at_stripe
def event_process_task(*, event_id: str, **_: Any) -> None:
    """Do what one event of Stripe's calls for."""
    event_process(event_id=uuid.UUID(event_id), now=utc_now())


@shared_task(name="billing.events_reconcile")
@at_stripe
def events_reconcile_task() -> None:
    """Process noted events that nobody has processed."""
    events_reconcile(now=utc_now())


@shared_task(name="billing.events_catch_up")
@at_stripe
def events_catch_up_task() -> None:
    """Note events of Stripe's that never reached us."""
    events_catch_up(now=utc_now())


@shared_task(name="billing.ledger_seal")
def ledger_seal_task() -> None:
    """Seal the rows whose transactions have ended."""
    ledger_seal(now=utc_now())


@shared_task(name="billing.head_publish")
def head_publish_task() -> None:
    """Publish the head of the sealed chain if the last one is an hour old."""
    head_publish(now=utc_now())


@shared_task(name="billing.deposit_step")
@at_stripe
def deposit_step_task(*, deposit_id: str, **_: Any) -> None:
    """Take one deposit a step on."""
    deposit_step(deposit_id=uuid.UUID(deposit_id), now=utc_now())


@shared_task(name="billing.deposits_reconcile")
@at_stripe
def deposits_reconcile_task() -> None:
    """Take every unfinished deposit that is due a step on."""
    deposits_reconcile(now=utc_now())


@shared_task(name="billing.refund_step")
@at_stripe
def refund_step_task(*, refund_id: str, **_: Any) -> None:
    """Take one refund a step on."""
    refund_step(refund_id=uuid.UUID(refund_id), now=utc_now())


@shared_task(name="billing.refunds_reconcile")
@at_stripe
def refunds_reconcile_task() -> None:
    """Take every unfinished refund that is due a step on."""
    refunds_reconcile(now=utc_now())


@shared_task(name="billing.payouts_run")
def payouts_run_task() -> None:
    """Decide on the day's payouts once their hour has come."""
    payouts_run(now=utc_now())


@shared_task(name="billing.payouts_reconcile")
@at_stripe
def payouts_reconcile_task() -> None:
    """Take every unfinished payout one step on."""
    payouts_reconcile(now=utc_now())


@shared_task(name="billing.payees_reconcile")
@at_stripe
def payees_reconcile_task() -> None:
    """Ask about accounts that nothing was heard of for a while."""
    payees_reconcile(now=utc_now())


@shared_task(name="billing.payout_step")
@at_stripe
def payout_step_task(*, payout_id: str, **_: Any) -> None:
    """Take one payout as far as it goes."""
    payout_step(payout_id=uuid.UUID(payout_id), now=utc_now())


@shared_task(name="billing.auto_top_ups_run")
def auto_top_ups_run_task() -> None:
    """Pay in for everybody who runs low and asked for that."""
    auto_top_ups_run(now=utc_now())


@shared_task(name="billing.stripe_reconcile")
@at_stripe
def stripe_reconcile_task() -> None:
    """Compare the books with Stripe's, once a day."""
    stripe_reconcile_daily(now=utc_now())


def _budget_alert(payload: dict[str, Any]) -> None:
    data = {name: value for name, value in payload.items() if name != "organisation_id"}
    what = f"{data['budget_id']}:{data['starts_at']}:{data['percent']}"
    with transaction.atomic():
        webhook_emit(
            organisation_id=uuid.UUID(payload["organisation_id"]),
            type="budget.alert",
            event_id=f"budget.alert:{what}",
            data=data,
            now=utc_now(),
        )


def _refund_pulled(payload: dict[str, Any]) -> None:
    refund_pulled(refund_id=uuid.UUID(payload["refund_id"]), taken=payload["taken"], now=utc_now())


OUTBOX_HANDLERS: Final[dict[str, Handler]] = {
    "alert.budget": _budget_alert,
    "refund.pulled": _refund_pulled,
}
