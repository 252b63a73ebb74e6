"""From a settled job to an audit: which are drawn, what is looked at, what shows."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import Error, transaction

from core.clock import utc_now
from inference.models import (
    Audit,
    AuditDay,
    AuditStanding,
    Checkpoint,
    Job,
    ReputationEvent,
)
from inference.selectors.audits import audit_list, reputation_get
from inference.services import audit_sample
from inference.services import audits_run as audits_run_module
from inference.services.audit_days import audit_days_commit
from inference.services.audits_run import AUDITED_WITHIN
from inference.services.job_create import job_create
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.sampling import Sampling
from inference.verification.lottery import commitment
from tests.integration.inference.attempts import die, end
from tests.integration.inference.audits import ANSWER, ScriptedVerifier, audit_all, money, run, settle, tier
from tests.integration.inference.scene import Scene


def test_a_day_is_committed_to_before_it_begins_and_stays(db: None) -> None:
    now = utc_now()
    audit_days_commit(now=now)
    audit_days_commit(now=now)
    days = list(AuditDay.objects.filter(day__gte=now.date()).order_by("day"))
    assert [row.day for row in days][:2] == [now.date(), now.date() + timedelta(days=1)]
    assert all(row.commitment == commitment(bytes(row.secret)) for row in days)
    with pytest.raises(Error, match=r"permission denied|its rows stay"), transaction.atomic():
        AuditDay.objects.filter(day=now.date()).update(commitment="0" * 64)


@pytest.mark.parametrize("attempt", [0, 1])
def test_of_an_answer_that_two_gave_one_attempt_is_looked_at(
    make: Callable[..., Scene], settings: Any, monkeypatch: pytest.MonkeyPatch, attempt: int
) -> None:
    scene, now = audit_all(make(providers=2), settings), utc_now()
    monkeypatch.setattr(audit_sample, "drawn_attempt", lambda **_: attempt)
    job = scene.create(now=now, max_tokens=60)
    first = die(scene, job, ANSWER[:20], now=now)
    second, _ = end(scene, job, ANSWER, now=now)
    audit = Audit.objects.get(job=job)
    assert audit.provider_id == (first, second)[attempt].provider.id
    verifier, seeds = ScriptedVerifier(), []
    honest = audits_run_module.answer_evidence
    monkeypatch.setattr(
        audits_run_module,
        "answer_evidence",
        lambda found, draw: [seeds.append(draw.seed), *honest(found, draw)][1:],
    )
    assert run(verifier, now=now) == 1
    prompt = scene.text_ids("hello")
    assert verifier.asked == [((prompt, ANSWER[:20]), ([*prompt, *ANSWER[:20]], ANSWER))[attempt]]
    assert seeds == [job.sampling["seed"] + (0, 20)[attempt]]
    audit.refresh_from_db()
    assert audit.state == Audit.State.DONE


def test_a_job_of_a_class_that_keeps_nothing_is_never_drawn(audited: Scene) -> None:
    of_class = audited.model.compute_class
    of_class.retention = "none"
    of_class.save(update_fields=["retention"])
    job = settle(audited, now=utc_now())
    assert not Audit.objects.filter(job=job).exists()
    assert Job.objects.get(id=job.id).prompt is None


@pytest.mark.parametrize(("temperature_milli", "drawn"), [(0, 1), (1_000, 0)])
def test_who_chooses_the_seed_is_no_witness_where_it_counts(
    audited: Scene, temperature_milli: int, drawn: int
) -> None:
    now = utc_now()
    job = job_create(
        quote=audited.quote(max_tokens=24),
        sampling=Sampling(temperature_milli=temperature_milli, seed=7),
        now=now,
    )
    job_dispatch(job_id=job.id, now=now)
    (lease,) = audited.agents[0].claim(now=now)
    assert lease.seed == 7
    audited.agents[0].deliver(lease, ANSWER, now=now)
    job_settle(job_id=job.id, now=now)
    assert Audit.objects.filter(job=job).count() == drawn


@pytest.mark.parametrize(
    ("claimed", "mismatch_ppm"),
    [(0, 0), (693_147, 0), (750_000, 0), (1_193_147, 100_000), (193_147, 100_000)],
    ids=["none", "true", "nearly", "less", "more"],
)
def test_likelihoods_that_a_provider_made_up_count_against_it(
    audited: Scene, claimed: int, mismatch_ppm: int
) -> None:
    now = utc_now()
    job = settle(audited, now=now, claimed=[claimed] * len(ANSWER) if claimed else ())
    run(ScriptedVerifier(), now=now)
    assert Audit.objects.get(job=job).score["mismatch_ppm"] == mismatch_ppm


@pytest.mark.parametrize(
    ("changed", "surprise_ppm"),
    [({}, 750_000), ({"stop": ["\n"]}, None), ({"temperature_milli": 1_500}, None)],
)
def test_surprise_counts_only_where_the_model_ended_the_answer(
    audited: Scene, changed: dict[str, Any], surprise_ppm: int | None
) -> None:
    now = utc_now()
    job = settle(audited, now=now)
    Job.objects.filter(id=job.id).update(sampling=job.sampling | {"temperature_milli": 1_000} | changed)
    run(ScriptedVerifier(), now=now)
    assert Audit.objects.get(job=job).score["surprise_ppm"] == surprise_ppm


def test_of_a_caller_who_left_surprise_does_not_count(audited: Scene) -> None:
    now = utc_now()
    job = settle(audited, now=now)
    Job.objects.filter(id=job.id).update(canceled_at=now)
    run(ScriptedVerifier(), now=now)
    assert Audit.objects.get(job=job).score["surprise_ppm"] is None


def test_which_jobs_are_drawn_shows_when_the_day_is_over(audited: Scene) -> None:
    now = utc_now()
    settle(audited, now=now)
    owner, provider_id = audited.agents[0].organisation_id, audited.agents[0].provider.id

    def shown(at: datetime) -> tuple[int, int, int]:
        reputation = reputation_get(provider_id=provider_id, now=at)
        assert reputation is not None
        listed = audit_list(organisation_id=owner, before=None, limit=9, now=at)
        return len(listed), reputation.audits, len(reputation.events)

    over = now + timedelta(days=1)
    assert shown(over) == (0, 0, 0)
    run(ScriptedVerifier(), now=now)
    assert shown(now) == (0, 0, 0)
    assert shown(over) == (1, 1, 1)


@pytest.mark.parametrize("name", ["logit_bias", "response_format", "penalty"])
def test_a_job_whose_draw_cannot_be_followed_is_not_drawn(audited: Scene, name: str) -> None:
    now = utc_now()
    job = audited.create(now=now, max_tokens=24)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = audited.agents[0].claim(now=now)
    audited.agents[0].deliver(lease, ANSWER, now=now)
    Job.objects.filter(id=job.id).update(sampling={**job.sampling, name: {"x": 1}})
    job_settle(job_id=job.id, now=now)
    assert not Audit.objects.filter(job=job).exists()


def test_an_honest_answer_leaves_the_provider_as_it_was(audited: Scene) -> None:
    now = utc_now()
    job = settle(audited, now=now)
    before = money(audited)
    assert run(ScriptedVerifier(), now=now) == 1
    audit = Audit.objects.get(job=job)
    assert (audit.state, audit.score["mismatch_ppm"]) == (Audit.State.DONE, 0)
    assert audit.evidence_micro < 1_000_000
    assert (money(audited), tier(audited)) == (before, ("L0", 100_000))
    event = ReputationEvent.objects.get(provider=audited.agents[0].provider)
    assert (event.kind, event.audit_id) == (ReputationEvent.Kind.AUDIT_DONE, audit.id)
    with pytest.raises(Error, match=r"permission denied|its rows stay"), transaction.atomic():
        ReputationEvent.objects.filter(id=event.id).delete()


def test_an_outage_of_the_verifier_says_nothing_of_the_provider(audited: Scene) -> None:
    now = utc_now()
    job = settle(audited, now=now)
    assert run(ScriptedVerifier(error="away"), now=now) == 0
    assert Audit.objects.get(job=job).state == Audit.State.DRAWN
    run(ScriptedVerifier(error="away"), now=now + AUDITED_WITHIN + timedelta(seconds=1))
    assert Audit.objects.get(job=job).state == Audit.State.GIVEN_UP
    provider = audited.agents[0].provider
    assert not ReputationEvent.objects.filter(provider=provider).exists()
    assert not AuditStanding.objects.filter(provider=provider).exists()


def test_an_audit_of_an_answer_that_was_erased_is_given_up(audited: Scene) -> None:
    now = utc_now()
    job = settle(audited, now=now)
    Checkpoint.objects.filter(lease__job=job).update(token_ids=None)
    assert run(ScriptedVerifier(gap=4.0), now=now) == 0
    audit = Audit.objects.get(job=job)
    assert (audit.state, audit.error) == (Audit.State.GIVEN_UP, "erased")


def test_an_audit_of_more_than_the_verifier_looks_at_is_given_up_and_keeps_nobody_waiting(
    audited: Scene,
) -> None:
    now = utc_now()
    job = settle(audited, now=now)
    assert run(ScriptedVerifier(most_tokens=len(ANSWER)), now=now) == 0
    audit = Audit.objects.get(job=job)
    assert (audit.state, audit.error) == (Audit.State.GIVEN_UP, "too_long")
    provider = audited.agents[0].provider
    assert not ReputationEvent.objects.filter(provider=provider).exists()
