"""What follows from audits: a refuted provider, credited buyers, appeals, tiers."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from billing.ledger.chart import Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.models import CardLot, Document, Transfer
from billing.selectors.balances import balances
from billing.services.card_lots import lot_open
from billing.services.ledger_post import ledger_post
from billing.who_pays import TABLE, Case, Pays
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import new_id
from core.money import NANO_PER_USD, format_usd
from inference.models import (
    Audit,
    AuditFailure,
    AuditStanding,
    Job,
    Provider,
    ReputationEvent,
)
from inference.services.appeal import WINDOW, appeal_decide, appeal_open
from inference.services.tier_set import tier_set
from tests.integration.inference.audits import ScriptedVerifier, money, run, settle, tier
from tests.integration.inference.scene import Scene

Appeal = AuditFailure.Appeal


@transaction.atomic
def insure(amount: int) -> None:
    """Have the house insured with so much more."""
    leg = Leg(of_house(Kind.EXTERNAL_CASH), of_house(Kind.INSURANCE), amount)
    ledger_post(entries=[JournalEntry(f"insure:{new_id()}", "test", (leg,), utc_now())], now=utc_now())


@transaction.atomic
def pay_out(scene: Scene) -> None:
    """Have the provider have its earnings paid out."""
    account = of_organisation(Kind.EARNINGS, scene.agents[0].organisation_id)
    leg = Leg(account, of_house(Kind.EXTERNAL_CASH), balances([account])[account].available)
    ledger_post(entries=[JournalEntry(f"paid-out:{new_id()}", "test", (leg,), utc_now())], now=utc_now())


def income() -> int:
    """Return how often credits and claw-backs took of the house's income."""
    moved = Transfer.objects.filter(entry__kind__in=["verification_credit", "claw_back"])
    return moved.filter(debit_id=of_house(Kind.FEE_INCOME).id).count()


def cheat(scene: Scene, *, now: datetime, paid_out: bool = False) -> tuple[AuditFailure, list[Job], int]:
    """Have the provider cheat until it is refuted; return the failure, its jobs and what it had earned."""
    Provider.objects.filter(id=scene.agents[0].provider.id).update(trust_tier="L0", hold_back_ppm=500_000)
    jobs: list[Job] = []
    while len(jobs) < 50:
        jobs.append(settle(scene, now=now))
        if paid_out:
            pay_out(scene)
        held = money(scene)["hold_back"] + money(scene)["earnings"]
        run(ScriptedVerifier(gap=2.0), now=now)
        if found := AuditFailure.objects.filter(provider=scene.agents[0].provider).first():
            return found, jobs, held
    raise AssertionError("it was not refuted")


def fail(scene: Scene, *, now: datetime) -> tuple[AuditFailure, list[Job]]:
    """Have the provider cheat until it is refuted."""
    return cheat(scene, now=now)[:2]


def test_one_miss_is_not_enough(audited: Scene) -> None:
    settle(audited, now=utc_now())
    run(ScriptedVerifier(gap=20.0), now=utc_now())
    assert not AuditFailure.objects.filter(provider=audited.agents[0].provider).exists()


def test_a_refuted_provider_loses_what_it_was_paid_and_buyers_are_credited(audited: Scene) -> None:
    now, insured = utc_now(), 100 * NANO_PER_USD
    insure(insured)
    failure, jobs, earned = cheat(audited, now=now)
    charged = sum(job.charged_nano_usd for job in jobs)
    assert 3 <= len(jobs) <= 6
    assert (failure.jobs, failure.charged_nano_usd, failure.credited_nano_usd) == (
        len(jobs),
        charged,
        charged,
    )
    assert failure.taken_nano_usd + failure.earnings_taken_nano_usd == earned
    assert (money(audited)["hold_back"], money(audited)["earnings"]) == (0, 0)
    assert income() == 0
    (row,) = [each for each in TABLE if each.case is Case.REFUTED]
    assert (row.buyer_pays, row.provider_is_paid) == (Pays.UNRECOVERED, Pays.PAID_OUT)
    note = Document.objects.get(organisation=audited.buyer, reason=Document.Reason.VERIFICATION)
    assert (note.kind, note.net_nano_usd) == (Document.Kind.CREDIT_NOTE, charged)
    assert tier(audited) == ("L0", 1_000_000)
    failed = ReputationEvent.objects.get(
        provider=audited.agents[0].provider, kind=ReputationEvent.Kind.FAILED
    )
    assert failed.audit_id == failure.audit_id
    assert AuditStanding.objects.get(provider=audited.agents[0].provider).standing["jobs"] == 0


def test_who_fails_on_purpose_gets_no_more_of_the_house_than_the_cap(audited: Scene, settings: Any) -> None:
    settings.CLAW_BACK_INSURANCE_MAX_NANO_USD = 7
    insure(100 * NANO_PER_USD)
    failure, jobs, _ = cheat(audited, now=utc_now(), paid_out=True)
    charged = sum(job.charged_nano_usd for job in jobs)
    assert failure.earnings_taken_nano_usd == 0
    assert failure.credited_nano_usd == failure.taken_nano_usd + 7 < charged == failure.charged_nano_usd
    assert income() == 0
    note = Document.objects.get(organisation=audited.buyer, reason=Document.Reason.VERIFICATION)
    lacking = format_usd(charged - failure.credited_nano_usd)
    assert note.net_nano_usd == failure.credited_nano_usd
    assert note.lines.get().detail.endswith(f"price and fees; {lacking} could not be recovered")


def test_card_money_that_comes_back_is_card_money_again(audited: Scene) -> None:
    now, paid_in = utc_now(), 10**12
    with transaction.atomic():
        lot_open(
            organisation_id=audited.buyer.id,
            payment_intent_id=f"pi_{new_id().hex}",
            amount_nano_usd=paid_in,
            card_fingerprint="",
            address_sha256="",
            now=now,
        )
    failure, _, earned = cheat(audited, now=now)
    lot = CardLot.objects.get(organisation=audited.buyer)
    assert lot.spent_nano_usd == earned
    assert lot.amount_nano_usd - paid_in == min(earned, failure.credited_nano_usd) > 0


def test_an_appeal_is_heard_once_and_upheld_gives_back_what_was_taken(audited: Scene) -> None:
    now = utc_now()
    failure, _ = fail(audited, now=now)
    owner = audited.agents[0].organisation_id
    with pytest.raises(CuxError) as refused:
        appeal_decide(failure_id=failure.id, upheld=True, decision="no", now=now)
    assert refused.value.code is Code.APPEAL_NOT_POSSIBLE
    with pytest.raises(CuxError) as stranger:
        appeal_open(failure_id=failure.id, organisation_id=audited.buyer.id, text="mine", now=now)
    assert stranger.value.code is Code.NOT_FOUND
    appeal_open(failure_id=failure.id, organisation_id=owner, text="Our engine is patched.", now=now)
    with pytest.raises(CuxError):
        appeal_open(failure_id=failure.id, organisation_id=owner, text="again", now=now)
    decided = appeal_decide(failure_id=failure.id, upheld=True, decision="The verifier was wrong.", now=now)
    assert decided.appeal == Appeal.UPHELD
    assert money(audited)["hold_back"] == failure.taken_nano_usd
    assert money(audited)["earnings"] == failure.earnings_taken_nano_usd > 0
    assert tier(audited)[0] == failure.tier_before


def test_an_appeal_upheld_raises_no_tier_over_a_later_failure_that_stands(audited: Scene) -> None:
    now = utc_now()
    Provider.objects.filter(id=audited.agents[0].provider.id).update(trust_tier="L2")
    first, _ = fail(audited, now=now)
    AuditFailure.objects.filter(id=first.id).update(tier_before="L2")
    run(ScriptedVerifier(), now=now)
    later = AuditFailure.objects.create(
        provider=first.provider,
        model=first.model,
        audit=Audit.objects.exclude(id=first.audit_id).filter(provider=first.provider)[0],
        since=now,
        failed_at=now + timedelta(seconds=1),
        tier_before="L0",
        jobs=1,
        taken_nano_usd=0,
        earnings_taken_nano_usd=0,
        charged_nano_usd=0,
        credited_nano_usd=0,
    )
    owner = audited.agents[0].organisation_id
    for failure, expected in ((first, ("L0", 1_000_000)), (later, ("L2", 200_000))):
        appeal_open(failure_id=failure.id, organisation_id=owner, text="?", now=now)
        appeal_decide(failure_id=failure.id, upheld=True, decision="It was wrong.", now=now)
        assert tier(audited) == expected


def test_a_rejected_appeal_gives_nothing_back(audited: Scene) -> None:
    now = utc_now()
    failure, _ = fail(audited, now=now)
    owner = audited.agents[0].organisation_id
    appeal_open(failure_id=failure.id, organisation_id=owner, text="?", now=now)
    appeal_decide(failure_id=failure.id, upheld=False, decision="It was not.", now=now)
    assert (money(audited)["hold_back"], tier(audited)) == (0, ("L0", 1_000_000))


def test_an_appeal_comes_too_late_after_thirty_days(audited: Scene) -> None:
    now = utc_now()
    failure, _ = fail(audited, now=now)
    with pytest.raises(CuxError) as refused:
        appeal_open(
            failure_id=failure.id,
            organisation_id=audited.agents[0].organisation_id,
            text="late",
            now=now + WINDOW + timedelta(seconds=1),
        )
    assert refused.value.code is Code.APPEAL_NOT_POSSIBLE
    assert AuditFailure.objects.get(id=failure.id).appeal == Appeal.NONE


def test_a_tier_is_set_on_the_evidence_of_audits(audited: Scene) -> None:
    now, provider = utc_now(), audited.agents[0].provider
    with pytest.raises(CuxError) as refused:
        tier_set(provider_id=provider.id, tier="L2", reason="I know them", now=now)
    assert refused.value.code is Code.TIER_WITHOUT_EVIDENCE
    assert tier(audited) == ("L0", 100_000)
    job = settle(audited, now=now)
    run(ScriptedVerifier(), now=now)
    tier_set(provider_id=provider.id, tier="L2", reason="proven", now=now)
    assert tier(audited) == ("L2", 200_000)
    event = ReputationEvent.objects.get(provider=provider, kind=ReputationEvent.Kind.TIER_SET)
    assert (event.audit.job_id, event.detail) == (job.id, "L0 to L2: proven")
    with pytest.raises(CuxError) as unknown:
        tier_set(provider_id=provider.id, tier="L9", reason="?", now=now)
    assert unknown.value.code is Code.INVALID_FIELD


def test_jobs_before_the_first_audit_count_from_the_enrolment_on(audited: Scene) -> None:
    now = utc_now()
    early = settle(audited, now=now)
    Audit.objects.filter(job=early).delete()
    failure, jobs = fail(audited, now=now + timedelta(seconds=10))
    assert failure.jobs == len(jobs) + 1
    assert failure.charged_nano_usd == early.charged_nano_usd + sum(job.charged_nano_usd for job in jobs)
