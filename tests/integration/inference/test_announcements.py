"""Webhooks are told how a job ended, once, in the transaction that ends it."""

import json

from accounts.models import WebhookDelivery
from accounts.services.webhook_endpoints import webhook_endpoint_create
from core.clock import utc_now
from core.ids import public_id
from inference.models import Job
from inference.services.job_cancel import job_cancel
from inference.services.job_settle import job_settle
from tests.integration.inference.scene import Scene
from tests.integration.inference.test_once import delivered


def listen(scene: Scene) -> None:
    who = scene.entitlements[0].holder_id
    webhook_endpoint_create(organisation_id=who, url="https://example.com/", types=[])


def told(job: Job) -> list[tuple[str, dict]]:
    rows = WebhookDelivery.objects.filter(endpoint__organisation_id=job.organisation_id)
    return [(row.type, json.loads(row.body)["data"]) for row in rows.order_by("id")]


def test_a_job_that_was_settled(scene: Scene) -> None:
    listen(scene)
    job = delivered(scene)
    for _ in range(2):
        job_settle(job_id=job.id, now=utc_now())
    facts = {"model": job.model_id, "tag": "", "compute_ucu": 10, "charged_nano_usd": 20_200}
    assert told(job) == [("job.settled", {"job_id": public_id("job", job.id), **facts})]


def test_a_job_that_cost_nothing(scene: Scene) -> None:
    listen(scene)
    job = scene.create(now=utc_now())
    for _ in range(2):
        job_cancel(job_id=job.id, now=utc_now())
    facts = {"job_id": public_id("job", job.id), "model": job.model_id, "failure": "job_canceled"}
    assert told(job) == [("job.refunded", facts)]
