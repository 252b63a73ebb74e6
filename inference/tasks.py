"""Celery tasks of inference: ids in, one service call each, any number of times."""

import ssl
import uuid
from functools import cache
from typing import Any, Final

import httpx
from celery import shared_task
from django.conf import settings

from core.clock import utc_now
from inference.services.audit_days import audit_days_commit
from inference.services.audits_run import audits_run
from inference.services.content_erase import content_expire
from inference.services.entitlements_expire import entitlements_expire
from inference.services.hold_backs_mature import hold_backs_mature
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.jobs_reconcile import jobs_reconcile
from inference.services.leases_expire import leases_expire
from inference.services.organisation_ban import bans_enforce
from inference.services.receipt_heads_publish import receipt_heads_publish
from inference.services.uptime_record import platform_uptime_record

_PROBE_TIMEOUT_S: Final = 2.0


@shared_task(name="inference.job_dispatch")
def job_dispatch_task(*, job_id: str, **_: Any) -> None:
    """Grant a lease on the queued job."""
    job_dispatch(job_id=uuid.UUID(job_id), now=utc_now())


@shared_task(name="inference.job_settle")
def job_settle_task(*, job_id: str, **_: Any) -> None:
    """Settle the delivered job."""
    job_settle(job_id=uuid.UUID(job_id), now=utc_now())


@shared_task(name="inference.leases_expire")
def leases_expire_task() -> None:
    """Take back leases that are unclaimed, late or on a dark provider."""
    leases_expire(now=utc_now())


@shared_task(name="inference.jobs_reconcile")
def jobs_reconcile_task() -> None:
    """Give each open job the step it waits for."""
    jobs_reconcile(now=utc_now())


@shared_task(name="inference.entitlements_expire")
def entitlements_expire_task() -> None:
    """Pay out entitlements whose window is over."""
    entitlements_expire(now=utc_now())


@shared_task(name="inference.hold_backs_mature")
def hold_backs_mature_task() -> None:
    """Move hold-back that is old enough to earnings."""
    hold_backs_mature(now=utc_now())


@shared_task(name="inference.content_expire")
def content_expire_task() -> None:
    """Erase prompts and answers that their class keeps no longer."""
    content_expire(now=utc_now())


@shared_task(name="inference.audits_run")
def audits_run_task() -> None:
    """Commit to tomorrow's audits, and have the verifier look at jobs that were drawn."""
    audit_days_commit(now=utc_now())
    audits_run(now=utc_now())


@shared_task(name="inference.receipt_heads_publish")
def receipt_heads_publish_task() -> None:
    """Sign and publish the heads of the providers' receipt chains, every hour."""
    receipt_heads_publish(now=utc_now())


@shared_task(name="inference.platform_uptime")
def platform_uptime_task() -> None:
    """Record that providers can reach us, and deliver: web and relay answer."""
    try:
        for url in (settings.EXCHANGE_URL, settings.RELAY_URL):
            httpx.get(f"{url}/healthz", timeout=_PROBE_TIMEOUT_S, verify=_tls()).raise_for_status()
    except httpx.HTTPError:
        return
    platform_uptime_record(now=utc_now())


@cache
def _tls() -> ssl.SSLContext:
    """Return how TLS is checked; reading all certificates anew for each probe costs more than the probe."""
    return httpx.create_ssl_context()


def _dispatch(payload: dict[str, Any]) -> None:
    job_dispatch(job_id=uuid.UUID(payload["job_id"]), now=utc_now())


def _settle(payload: dict[str, Any]) -> None:
    job_settle(job_id=uuid.UUID(payload["job_id"]), now=utc_now())


def _enforce_bans(payload: dict[str, Any]) -> None:
    bans_enforce(organisation_id=uuid.UUID(payload["organisation_id"]), now=utc_now())


OUTBOX_HANDLERS: Final = {
    "bans.enforce": _enforce_bans,
    "job.dispatch": _dispatch,
    "job.settle": _settle,
}
