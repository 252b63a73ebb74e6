"""Each row of the published table, made to happen through the real services: what moved is what it says."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billing.documents.files import document_pdf
from billing.ledger.chart import Kind, of_organisation
from billing.models import Balance, Document
from billing.selectors.balances import organisation_balance
from billing.selectors.debts import debt_of
from billing.services.budget_alert import BudgetExceeded
from billing.services.budget_set import budget_set
from billing.who_pays import BY_ROW, TABLE, WITHIN_S, Case, Paper, Pays
from config.celery import PERIODS_S
from core.clock import utc_now
from core.ids import new_id
from cux.wire.metering import usage
from exchange.models import Cover, Entitlement
from exchange.services.cover_run import cover_run
from inference.models import Job, Receipt, Uptime
from inference.selectors.catalogue import card_of
from inference.services.entitlements_expire import entitlement_pay_out
from inference.services.job_cancel import job_cancel
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.lease_fail import lease_fail
from inference.services.leases_expire import leases_expire
from inference.services.relay_checkpoint import relay_deliver
from tests import builders
from tests.integration.billing.dispute_world import opened
from tests.integration.billing.payout_world import earn, payer, posted, provider
from tests.integration.inference.scene import EOS, Scene, granted_to, lease_uuid, make_scene

PER_UCU = 2_020
HOUSE = (Kind.FEE_INCOME, Kind.INSURANCE, Kind.PUBLIC_ACCESS)
_windows = itertools.count()
ESCROW_AND_FEE = 10_000 * PER_UCU


@dataclass
class Happened:
    """What a case came to, in nano-USD: what the buyer lost and the provider got, and how long it took."""

    buyer_paid: int
    provider_got: int
    house_got: int = 0
    delivered: int = 0
    available: int = 0
    seconds: float = 0.0
    job: Job | None = None


def held_by(scene: Scene) -> tuple[int, int]:
    """Return what the buyer has (escrow and deferred fees included), and what its providers have."""
    buyer = of_organisation(Kind.FUNDING, scene.buyer.id).id
    theirs = [
        of_organisation(kind, each.organisation_id).id
        for each in scene.agents
        for kind in (Kind.EARNINGS, Kind.HOLD_BACK)
    ]
    posted = dict(Balance.objects.filter(account_id__in=[buyer, *theirs]).values_list("account_id", "posted"))
    escrow = 0
    for row in Entitlement.objects.filter(holder=scene.buyer, state="live").select_related("instrument"):
        undrawn = Balance.objects.get(account_id=row.account(Kind.ENTITLEMENT).id).posted
        escrow += sum(row.released(undrawn_ucu=undrawn, amount_ucu=undrawn))
    own = organisation_balance(scene.buyer.id)
    return own.funding + own.transit + own.wallet_posted + escrow, sum(posted.get(each, 0) for each in theirs)


def watched(scene: Scene, act: Callable[[], Happened | None]) -> Happened:
    """Return what an act changed."""
    before, house_before = held_by(scene), of_the_house()
    happened = act() or Happened(0, 0)
    after = held_by(scene)
    happened.buyer_paid, happened.provider_got = before[0] - after[0], after[1] - before[1]
    happened.house_got = of_the_house() - house_before
    return happened


def of_the_house() -> int:
    """Return what the house has; deferred fees are still the buyers'."""
    return sum(map(posted, HOUSE))


def look_around(scene: Scene, job: Job, since: datetime, *, beating: bool = True) -> Happened:
    """Run what the clock runs, as often as it does, until the job has ended; return how long that took."""
    now = since
    while job.ended_at is None:
        now += timedelta(seconds=PERIODS_S["inference.leases_expire"])
        assert now - since < timedelta(seconds=600), "nobody refunds it"
        if beating:
            scene.heartbeats(now=now)
        leases_expire(now=now)
        for cover in Cover.objects.filter(job_id=job.id).exclude(state__in=Cover.DONE):
            if now >= cover.ends_by:  # before, it asks the sequencer for offers; there are none
                cover_run(cover_id=cover.id, now=now)
        job_dispatch(job_id=job.id, now=now)
        job.refresh_from_db()
    return Happened(0, 0, seconds=(now - since).total_seconds(), job=job)


def begun(scene: Scene, tokens: int = 0):
    """Return a job whose lease is claimed, its agent and lease, with so many tokens on their way."""
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    agent = granted_to(scene, job)
    (lease,) = agent.claim(now=now)
    if tokens:
        agent.begin(lease, list(range(1, tokens + 1)), now=now)
    return job, agent, lease, now


def delivered_nano_usd(job: Job, tokens: int) -> int:
    return PER_UCU * usage(card_of(job.model), prompt_tokens=5, output_tokens=tokens).compute_ucu


def rejected(scene: Scene) -> Happened:
    budget_set(organisation_id=scene.buyer.id, api_key_id=None, window="day", limit_nano_usd=1, now=utc_now())

    def act() -> None:
        with pytest.raises(BudgetExceeded):
            scene.create(now=utc_now())

    return watched(scene, act)


def not_started(scene: Scene) -> Happened:
    def act() -> Happened:
        job = scene.create(now=utc_now())
        job_dispatch(job_id=job.id, now=job.deadline)
        job.refresh_from_db()
        return Happened(0, 0, job=job)

    return watched(scene, act)


def no_tokens(scene: Scene) -> Happened:
    def act() -> Happened:
        job, agent, lease, now = begun(scene)
        agent.deliver(lease, [], now=now)
        job.refresh_from_db()
        assert job.state == Job.State.QUEUED
        job_dispatch(job_id=job.id, now=now)
        assert granted_to(scene, job) is not agent
        job_cancel(job_id=job.id, now=now)
        return Happened(0, 0, job=job)

    return watched(scene, act)


def not_delivered(scene: Scene) -> Happened:
    def act() -> Happened:
        job, agent, lease, now = begun(scene)
        lease_fail(lease_id=lease_uuid(lease), provider_id=agent.provider.id, reason="engine", now=now)
        return look_around(scene, job, now)

    return watched(scene, act)


def lease_expired(scene: Scene) -> Happened:
    def act() -> Happened:
        now = utc_now()
        job = scene.create(now=now)
        job_dispatch(job_id=job.id, now=now)
        first = granted_to(scene, job)
        late = now + timedelta(seconds=6)
        scene.heartbeats(now=late)
        leases_expire(now=late)
        job_dispatch(job_id=job.id, now=late)
        assert granted_to(scene, job) is not first
        job_cancel(job_id=job.id, now=late)
        return Happened(0, 0, job=job, seconds=6)

    return watched(scene, act)


def late_result(scene: Scene) -> Happened:
    def act() -> Happened:
        job, agent, lease, now = begun(scene)
        lease_fail(lease_id=lease_uuid(lease), provider_id=agent.provider.id, reason="engine", now=now)
        finished = agent.finished(lease, [1, EOS])
        answer = relay_deliver(lease_id=lease_uuid(lease), ids=[1, EOS], finished=finished, now=now)
        assert answer.status == "superseded"
        job_cancel(job_id=job.id, now=now)
        return Happened(0, 0, job=job)

    return watched(scene, act)


def provider_died(scene: Scene) -> Happened:
    def act() -> Happened:
        job, first, lease, now = begun(scene, tokens=2)
        lease_fail(lease_id=lease_uuid(lease), provider_id=first.provider.id, reason="engine_failed", now=now)
        job_dispatch(job_id=job.id, now=now)
        second = granted_to(scene, job)
        (rest,) = second.claim(now=now)
        second.deliver(rest, [3, 4], now=now)
        job = job_settle(job_id=job.id, now=now)
        return Happened(0, 0, delivered=delivered_nano_usd(job, 4), job=job)

    return watched(scene, act)


def not_continued(scene: Scene) -> Happened:
    def act() -> Happened:
        job, _, _, now = begun(scene, tokens=2)
        Job.objects.filter(id=job.id).update(sampling=job.sampling | {"resumable": False})
        return look_around(scene, job, now, beating=False)

    return watched(scene, act)


def caller_left_before(scene: Scene) -> Happened:
    def act() -> Happened:
        job = scene.create(now=utc_now())
        job_cancel(job_id=job.id, now=utc_now())
        job.refresh_from_db()
        return Happened(0, 0, job=job)

    return watched(scene, act)


def caller_left(scene: Scene) -> Happened:
    def act() -> Happened:
        job, agent, lease, now = begun(scene, tokens=2)
        job_cancel(job_id=job.id, now=now)
        finished = agent.finished(lease, [1, 2, 3], "abort")
        relay_deliver(lease_id=lease_uuid(lease), ids=[1, 2, 3], finished=finished, now=now)
        return Happened(0, 0, delivered=delivered_nano_usd(job, 3), job=job_settle(job_id=job.id, now=now))

    return watched(scene, act)


def time_up(scene: Scene) -> Happened:
    def act() -> Happened:
        job, agent, lease, _ = begun(scene, tokens=2)
        agent.heartbeat(scene.model, now=job.deadline, running=[lease.lease_id])
        leases_expire(now=job.deadline)
        finished = agent.finished(lease, [1, 2, 3], "abort")
        relay_deliver(lease_id=lease_uuid(lease), ids=[1, 2, 3], finished=finished, now=job.deadline)
        settled = job_settle(job_id=job.id, now=job.deadline)
        return Happened(0, 0, delivered=delivered_nano_usd(job, 3), job=settled)

    return watched(scene, act)


def too_long(scene: Scene) -> Happened:
    def act() -> Happened:
        job, agent, lease, now = begun(scene, tokens=2)
        refused = {"lease_id": lease_uuid(lease), "provider_id": agent.provider.id}
        lease_fail(**refused, reason="too_many_tokens", now=now)
        job.refresh_from_db()
        return Happened(0, 0, job=job)

    return watched(scene, act)


def over_claimed(scene: Scene) -> Happened:
    def act() -> Happened:
        job, agent, lease, now = begun(scene, tokens=2)
        claimed = agent.finished(lease, [1, 2, 3, 4, 5, EOS])
        relay_deliver(lease_id=lease_uuid(lease), ids=[1, 2, EOS], finished=claimed, now=now)
        job.refresh_from_db()
        return Happened(0, 0, job=job)

    return watched(scene, act)


def failed_verification(scene: Scene) -> Happened:
    def act() -> Happened:
        job, agent, lease, now = begun(scene, tokens=2)
        agent.key = type(agent.key)(bytes(32))
        relay_deliver(
            lease_id=lease_uuid(lease), ids=[1, EOS], finished=agent.finished(lease, [1, EOS]), now=now
        )
        job.refresh_from_db()
        return Happened(0, 0, job=job)

    return watched(scene, act)


def expired(scene: Scene, *, away_s: int, outage_s: int) -> Happened:
    """Let a window of 1,000 s end in which the provider, and we, were away for so long."""
    start = datetime(2050, 1, 1, tzinfo=UTC) + timedelta(days=2 * next(_windows))
    end = start + timedelta(seconds=1_000)
    (row,) = scene.entitlements
    Entitlement.objects.filter(id=row.id).update(starts_at=start, ends_at=end)
    own = [(None, -100, 400), (None, 400 + outage_s, 1_100)] if outage_s else [(None, -100, 1_100)]
    theirs = (scene.agents[0].provider.id, 0, 1_000 - away_s)
    lost = (25 + outage_s) if outage_s else 0  # with the heartbeat before and the way back after
    if outage_s:
        theirs = (theirs[0], 0, 395)
        own_back = (theirs[0], 420 + outage_s, 1_000)
        spans = [*own, theirs, own_back]
    else:
        spans = [*own, theirs]
    Uptime.objects.bulk_create(
        Uptime(
            id=new_id(),
            provider_id=who,
            started_at=start + timedelta(seconds=a),
            ended_at=start + timedelta(seconds=b),
        )
        for who, a, b in spans
    )
    happened = watched(scene, lambda: entitlement_pay_out(entitlement_id=row.id, now=end) and None)
    kept = ESCROW_AND_FEE * (1_000 - away_s - lost) // 1_000
    # What the provider was there for is take-or-pay; the case is about the rest.
    happened.buyer_paid -= kept
    earned = 20_000_000 * (1_000 - away_s - lost) // 1_000
    happened.provider_got -= earned
    happened.house_got -= kept - earned
    happened.available = 20_000_000 * lost // 1_000
    return happened


def provider_away(scene: Scene) -> Happened:
    return expired(scene, away_s=400, outage_s=0)


def our_outage(scene: Scene) -> Happened:
    return expired(scene, away_s=0, outage_s=100)


TWO_PROVIDERS = (Case.PROVIDER_DIED, Case.NO_TOKENS, Case.LEASE_EXPIRED, Case.LATE_RESULT)
SCENES: dict[Case, Callable[[Scene], Happened]] = {
    Case.REJECTED: rejected,
    Case.NOT_STARTED: not_started,
    Case.NO_TOKENS: no_tokens,
    Case.NOT_DELIVERED: not_delivered,
    Case.LEASE_EXPIRED: lease_expired,
    Case.LATE_RESULT: late_result,
    Case.PROVIDER_DIED: provider_died,
    Case.NOT_CONTINUED: not_continued,
    Case.CALLER_LEFT_BEFORE: caller_left_before,
    Case.CALLER_LEFT: caller_left,
    Case.TIME_UP: time_up,
    Case.TOO_LONG: too_long,
    Case.OVER_CLAIMED: over_claimed,
    Case.FAILED_VERIFICATION: failed_verification,
    Case.PROVIDER_AWAY: provider_away,
    Case.OUR_OUTAGE: our_outage,
}
ROWS = {row.case: row for row in TABLE}


def test_every_case_is_made_to_happen() -> None:
    assert set(SCENES) == BY_ROW


@pytest.mark.parametrize("case", list(SCENES), ids=lambda case: case.name.lower())
def test_what_moves_is_what_the_table_says(db: None, case: Case, tmp_path: Path) -> None:
    builders.house()
    row = ROWS[case]
    scene = make_scene(tmp_path, providers=2 if case in TWO_PROVIDERS else 1)
    happened = SCENES[case](scene)
    amounts = {Pays.NOTHING: 0, Pays.DELIVERED: happened.delivered, Pays.AVAILABLE: happened.available}
    assert happened.buyer_paid == amounts[row.buyer_pays]
    got = amounts[row.provider_is_paid]
    of_provider = got * 2_000 // PER_UCU if row.provider_is_paid is Pays.DELIVERED else got
    assert happened.provider_got == of_provider
    assert happened.house_got == amounts[row.buyer_pays] - of_provider, "its fee, or what it bears"
    assert happened.seconds <= WITHIN_S
    if happened.job is not None and row.buyer_pays is Pays.NOTHING:
        happened.job.refresh_from_db()
        assert (happened.job.state, happened.job.charged_nano_usd) == (Job.State.REFUNDED, 0)
    notes = list(Document.objects.filter(organisation=scene.buyer))
    assert bool(notes) is (row.paper is Paper.CREDIT_NOTE)
    for note in notes:
        rendered = document_pdf(organisation_id=scene.buyer.id, number=note.number)
        assert (note.kind, rendered[:5]) == (Document.Kind.CREDIT_NOTE, b"%PDF-")
    receipts = Receipt.objects.filter(job__organisation=scene.buyer).count()
    assert receipts == (row.paper is Paper.RECEIPT)


def test_a_chargeback_takes_the_payers_balance_and_then_earnings_that_are_held(double) -> None:
    row = ROWS[Case.CHARGEBACK]
    assert (row.buyer_pays, row.provider_is_paid, row.paper) == (
        Pays.TAKEN_BACK,
        Pays.DELIVERED,
        Paper.STATEMENT,
    )
    usd = 10**9
    seller = provider(double)
    buyer, deposit = payer(double, 100)
    earn(seller, buyer, 90 * usd)
    opened(double, deposit)
    # 10 are left in the payer's wallet and are asked for; the other 90 are still held at the provider.
    assert posted(Kind.EARNINGS, seller) == 0
    assert debt_of(buyer) == 10 * usd + 15 * usd
    assert not Document.objects.filter(organisation_id=buyer, kind="credit_note").exists()
