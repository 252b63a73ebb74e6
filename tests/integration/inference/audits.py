"""A market whose jobs are all drawn for audits, and a verifier that finds what it is told to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.selectors.balances import balances
from core.clock import utc_now
from inference.models import (
    Job,
    Provider,
)
from inference.services.audit_days import audit_days_commit
from inference.services.audits_run import audits_run
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.verification.evidence import Position
from inference.verifier import TooLongError, VerifierError
from tests.integration.inference.scene import Scene

ANSWER = list(range(60, 84))


@dataclass
class ScriptedVerifier:
    """A verifier that finds each token the likeliest of two, or by so many nats the less likely one."""

    gap: float = 0.0
    error: str = ""
    most_tokens: int = 8_192
    asked: list[tuple[list[int], list[int]]] = field(default_factory=list)

    def prefill(self, *, model: str, prompt: Sequence[int], answer: Sequence[int]) -> list[Position]:
        if self.error:
            raise VerifierError(self.error)
        if len(prompt) + len(answer) > self.most_tokens:
            raise TooLongError
        self.asked.append((list(prompt), list(answer)))
        own = math.log(0.5) - self.gap
        return [Position(token, {token: own, 1: math.log(0.5)}) for token in answer]


def audit_all(scene: Scene, settings: Any) -> Scene:
    """Have every job be drawn: its class keeps answers for a day, its providers are on trial."""
    settings.VERIFIERS = {scene.model.name: {"url": "http://verifier.invalid"}}
    of_class = scene.model.compute_class
    of_class.retention = "24h"
    of_class.save(update_fields=["retention"])
    Provider.objects.filter(id__in=[each.provider.id for each in scene.agents]).update(trust_tier="L0")
    audit_days_commit(now=utc_now() - timedelta(days=1))
    audit_days_commit(now=utc_now())
    return scene


def settle(scene: Scene, *, now: datetime, ids: Sequence[int] = ANSWER, claimed: Sequence[int] = ()) -> Job:
    """Run a job at temperature 0 to its settlement; with `claimed` micro-nats it asks for its likelihoods."""
    job = scene.create(now=now, max_tokens=len(ids))
    changed = {"temperature_milli": 0, "logprobs": bool(claimed)}
    Job.objects.filter(id=job.id).update(sampling=job.sampling | changed)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, ids, rows=claimed, now=now)
    return job_settle(job_id=job.id, now=now)


def run(verifier: ScriptedVerifier, *, now: datetime) -> int:
    return audits_run(now=now, verifier_of=lambda _: verifier)


def tier(scene: Scene) -> tuple[str, int]:
    return Provider.objects.values_list("trust_tier", "hold_back_ppm").get(id=scene.agents[0].provider.id)


def money(scene: Scene) -> dict[str, int]:
    provider = scene.agents[0].organisation_id
    accounts = {
        "hold_back": of_organisation(Kind.HOLD_BACK, provider),
        "earnings": of_organisation(Kind.EARNINGS, provider),
        "insurance": of_house(Kind.INSURANCE),
    }
    found = balances(list(accounts.values()))
    return {name: found[account].posted for name, account in accounts.items()}
