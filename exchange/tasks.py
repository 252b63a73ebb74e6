"""Celery tasks of the exchange: covers, and money on its way to a trading wallet."""

import uuid
from typing import Any, Final

from celery import shared_task

from core.clock import utc_now
from core.hints import hint_on_commit
from exchange.models import Cover
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Fund
from exchange.services.cover_run import cover_run


@shared_task(name="exchange.cover_run")
def cover_run_task(*, cover_id: str, **_: Any) -> None:
    """Take one cover a step further."""
    cover_run(cover_id=uuid.UUID(cover_id), now=utc_now())


@shared_task(name="exchange.covers_run")
def covers_run_task() -> None:
    """Take every open cover a step further."""
    ended = [Cover.State.COVERED, Cover.State.RETURNED]
    for cover_id in (
        Cover.objects.exclude(state__in=ended).order_by("started_at").values_list("id", flat=True)
    ):
        cover_run(cover_id=cover_id, now=utc_now())


def _cover_run(payload: dict[str, Any]) -> None:
    # Not here: its steps must be committed before the sequencer acts on them.
    hint_on_commit(task="exchange.cover_run", queue="jobs", cover_id=payload["cover_id"])


def _wallet_fund(payload: dict[str, Any]) -> None:
    verdict = submit_sync(
        Fund(
            organisation_id=uuid.UUID(payload["organisation_id"]),
            amount_nano_usd=payload["amount_nano_usd"],
            key=payload["key"],
        )
    )
    if verdict.status >= 400:
        raise RuntimeError(f"The sequencer refused to fund a wallet: {verdict.body}")


OUTBOX_HANDLERS: Final = {"cover.run": _cover_run, "wallet.fund": _wallet_fund}
