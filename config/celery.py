"""Celery: the broker carries hints, PostgreSQL the truth; each task may run any number of times."""

import os
import sys

from celery import Celery
from celery.signals import beat_init, setup_logging, task_postrun, task_prerun, worker_ready
from kombu.entity import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.db import close_old_connections

# What the clock starts, and every how many seconds. A message expires before the next but one is sent,
# so that a queue that stood still does not run the same look-around a hundred times.
PERIODS_S = {
    "config.outbox_drain": 1.0,
    "config.prune": 60.0,
    "api.batches_reconcile": 5.0,
    "exchange.covers_run": 1.0,
    "exchange.auctions_start": 1.0,
    "exchange.snapshot_take": 10.0,
    "exchange.events_prune": 60.0,
    "inference.leases_expire": 2.0,
    "inference.jobs_reconcile": 2.0,
    "inference.platform_uptime": 2.0,
    "inference.entitlements_expire": 10.0,
    "inference.hold_backs_mature": 600.0,
    "inference.content_expire": 60.0,
    "inference.audits_run": 10.0,
    "inference.receipt_heads_publish": 60.0,
    "billing.holds_expire": 10.0,
    "billing.checkpoint_take": 60.0,
    "billing.days_roll": 60.0,
    "accounts.webhooks_deliver": 2.0,
    "billing.deposits_reconcile": 5.0,
    "billing.refunds_reconcile": 5.0,
    "billing.payouts_run": 60.0,
    "billing.stripe_reconcile": 600.0,
    "billing.payouts_reconcile": 5.0,
    "billing.payees_reconcile": 60.0,
    "exchange.debts_pull": 30.0,
    "billing.auto_top_ups_run": 10.0,
    "billing.events_reconcile": 5.0,
    "billing.events_catch_up": 600.0,
    "billing.ledger_seal": 2.0,
    "billing.head_publish": 60.0,
    "exchange.index_publish": 10.0,
    "exchange.minutes_roll": 30.0,
    "exchange.public_access_fund": 30.0,
}

# A new session for each task costs several times what most tasks do: Celery's own closing is all but switched
# off, and what Django does around a request is done around a task (below).
DATABASE_REUSED_FOR = 10_000

app = Celery("cux")
app.conf.update(
    CELERY_DB_REUSE_MAX=DATABASE_REUSED_FOR,
    broker_url=settings.BROKER_URL,
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=60,
    task_soft_time_limit=50,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        # A lost worker's tasks come back after this; it is more than twice the time limit.
        "visibility_timeout": 180,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
    },
    task_publish_retry=False,  # a hint that cannot be given now is given by the reconciler
    timezone="UTC",
    enable_utc=True,
    # Jobs do not wait behind look-arounds; a worker takes from both queues.
    task_queues=[Queue("jobs"), Queue("clock")],  # type: ignore[no-untyped-call]
    task_default_queue="clock",
    task_routes={
        name: {"queue": "jobs"}
        for name in (
            "api.batch_advance",
            "inference.job_*",
            "exchange.cover_run",
            "billing.event_process",
            "billing.deposit_step",
            "billing.refund_step",
        )
    },
    beat_schedule={
        name: {"task": name, "schedule": period_s, "options": {"queue": "clock", "expires": 2 * period_s}}
        for name, period_s in PERIODS_S.items()
    },
)


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log_as_everybody(**_: object) -> None:
    """Keep Celery from configuring logging itself: settings have done it."""


@task_prerun.connect  # type: ignore[untyped-decorator]
@task_postrun.connect  # type: ignore[untyped-decorator]
def _close_old_connections(**_: object) -> None:
    """Give up a session that is broken or too old; the next one that is used is looked at first."""
    close_old_connections()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _worker_ready(**_: object) -> None:
    _say("worker ready.")


@beat_init.connect  # type: ignore[untyped-decorator]
def _beat_ready(**_: object) -> None:
    """From here on SIGTERM ends beat well; its banner comes before that."""
    _say("beat ready.")


def _say(text: str) -> None:
    """Say so whatever the log level is: the supervisor waits for this line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


app.autodiscover_tasks()
app.autodiscover_tasks(["config"])
