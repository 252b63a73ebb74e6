"""Either side reports the other; operators decide, and shut out who must be."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Ban, Organisation
from accounts.selectors import api_key_find
from accounts.services import api_key_create
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from core.models import AuditRecord, OutboxMessage
from core.outbox import outbox_drain
from exchange.models import Capacity, Order, TradingAccount
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetAccount
from inference.models import AbuseReport, Job
from inference.services.abuse_report import (
    DAILY_MAX,
    abuse_report_decide,
    abuse_report_of_job,
    abuse_report_of_lease,
)
from inference.services.job_dispatch import job_dispatch
from inference.services.organisation_ban import ban_lift, organisation_ban
from inference.tasks import OUTBOX_HANDLERS
from tests import builders
from tests.integration.inference.scene import Scene, make_scene
from tests.races import race
from tests.sequencer_market import Market, make_market
from tests.sequencer_process import sequencer
from tests.waiting import eventually


@pytest.fixture(scope="module")
def trading(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Run a sequencer."""
    with sequencer():
        yield


@pytest.fixture
def market(trading: None, db: None) -> Market:
    return make_market()


def ban(who: Organisation, reach: Ban.Reach = Ban.Reach.EVERYTHING) -> Ban:
    return organisation_ban(organisation_id=who.id, reach=reach, reason="malware", by="key_1", now=utc_now())


def key_of(who: Organisation, *scopes: str) -> str:
    return api_key_create(organisation_id=who.id, name="k", scopes=scopes).secret


def open_orders(who: Organisation) -> int:
    return Order.objects.filter(organisation=who, status__in=["open", "partially_filled"]).count()


def ends_within_a_second(secret: str) -> None:
    begun = time.monotonic()

    def ended() -> bool:
        try:
            api_key_find(secret)
        except CuxError as error:
            return error.code is Code.INVALID_API_KEY
        return False

    eventually(ended)
    assert time.monotonic() - begun < 1.5


def test_a_banned_organisation_s_keys_stop_its_orders_go_and_no_new_ones_come(market: Market) -> None:
    secret = key_of(market.buyer, "trade", "infer")
    others = key_of(market.seller, "trade")
    assert market.buy(10, 1).status == 201
    assert api_key_find(secret).scopes == {"trade", "infer"}
    made = ban(market.buyer)
    ends_within_a_second(secret)
    assert api_key_find(others).scopes == {"trade"}
    assert open_orders(market.buyer) == 0
    assert market.buy(10, 1).status >= 400
    assert open_orders(market.buyer) == 0

    said = AuditRecord.objects.get(action="organisation.banned", organisation_id=market.buyer.id)
    assert (said.detail["reach"], said.detail["reason"]) == ("everything", "malware")
    assert ban(market.buyer).id == made.id
    assert (
        AuditRecord.objects.filter(action="organisation.banned", organisation_id=market.buyer.id).count() == 1
    )

    ban_lift(ban_id=made.id, by="key_2", now=utc_now())
    assert market.buy(10, 1).status == 201
    assert api_key_find(secret).scopes == {"trade", "infer"}
    assert AuditRecord.objects.filter(action="organisation.ban_lifted").count() >= 1


def test_a_banned_provider_sells_no_more_and_its_agent_is_refused_but_it_may_buy(market: Market) -> None:
    secret = key_of(market.seller, "provide", "trade")
    assert market.sell(2_000, 1).status == 201
    ban(market.seller, Ban.Reach.PROVIDING)
    assert open_orders(market.seller) == 0
    assert not Capacity.objects.filter(organisation=market.seller, rate_ucu_per_s__gt=0).exists()
    eventually(lambda: api_key_find(secret).scopes == {"trade"})
    assert market.sell(2_000, 1).status >= 400
    assert not TradingAccount.objects.filter(organisation=market.seller, is_blocked=True).exists()


def test_a_ban_leaves_an_operator_s_own_rules_of_the_account(market: Market) -> None:
    submit_sync(
        SetAccount(organisation_id=market.buyer.id, max_notional_nano_usd=9, max_open_orders=7, key="rules")
    )
    made = ban(market.buyer)
    ban_lift(ban_id=made.id, by="key_2", now=utc_now())
    rules = TradingAccount.objects.get(organisation=market.buyer)
    assert (rules.is_blocked, rules.max_notional_nano_usd, rules.max_open_orders) == (False, 9, 7)
    submit_sync(SetAccount(organisation_id=market.buyer.id, is_blocked=True, reason="runaway", key="block"))
    ban_lift(ban_id=ban(market.buyer).id, by="key_2", now=utc_now())
    rules.refresh_from_db()
    assert (rules.is_blocked, rules.reason) == (True, "runaway")


def test_a_ban_is_enforced_later_where_the_sequencer_is_away(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert market.buy(10, 1).status == 201

    def away(*_: object) -> None:
        raise CuxError(Code.SEQUENCER_UNAVAILABLE)

    with monkeypatch.context() as gone:
        gone.setattr("inference.services.organisation_ban.submit_sync", away)
        ban(market.buyer)
    assert open_orders(market.buyer) == 1
    outbox_drain(OUTBOX_HANDLERS, utc_now() + timedelta(minutes=1))
    assert open_orders(market.buyer) == 0
    assert not OutboxMessage.objects.filter(topic="bans.enforce", sent_at=None).exists()


def test_a_ban_is_lifted_once_by_two_at_once(db: None) -> None:
    who = builders.organisation()
    made = Ban.objects.create(organisation=who, reach=Ban.Reach.PROVIDING, reason="fraud", banned_by="key_1")
    lifts = [lambda by=by: ban_lift(ban_id=made.id, by=by, now=utc_now()) for by in ("key_2", "key_3")]
    _, second = race(*lifts)
    assert second.lifted_by == Ban.objects.get(id=made.id).lifted_by == "key_2"
    assert AuditRecord.objects.filter(action="organisation.ban_lifted", organisation_id=who.id).count() == 1


def test_two_who_ban_at_once_make_one_ban(db: None) -> None:
    who = builders.organisation()
    first, second = race(*[lambda: ban(who, Ban.Reach.PROVIDING)] * 2)
    assert first.id == second.id
    assert Ban.objects.filter(organisation=who).count() == 1
    assert AuditRecord.objects.filter(action="organisation.banned", organisation_id=who.id).count() == 1


def test_the_house_and_nobody_are_not_banned(db: None) -> None:
    for who, code in ((builders.house(), Code.FORBIDDEN), (Organisation(), Code.NOT_FOUND)):
        with pytest.raises(CuxError) as refused:
            ban(who)
        assert refused.value.code is code
    assert not Ban.objects.filter(organisation__is_house=True).exists()


def test_a_banned_organisation_s_jobs_are_stopped_and_it_gets_no_new_ones(
    trading: None, db: None, tmp_path: Path
) -> None:
    scene = make_scene(tmp_path)
    job = scene.create(now=utc_now())
    ban(scene.buyer)
    job.refresh_from_db()
    assert (job.state, job.charged_nano_usd) == ("refunded", 0)
    with pytest.raises(CuxError) as refused:
        scene.create(now=utc_now())
    assert refused.value.code is Code.ORGANISATION_BANNED
    assert Job.objects.filter(organisation=scene.buyer).count() == 1


def claimed(scene: Scene) -> tuple[Job, str]:
    job = scene.create(now=utc_now())
    job_dispatch(job_id=job.id, now=utc_now())
    (lease,) = scene.agents[0].claim(now=utc_now())
    return job, lease.lease_id


def test_a_provider_reports_a_job_and_a_buyer_its_provider_once_each(scene: Scene) -> None:
    job, lease_id = claimed(scene)
    provider_id = scene.agents[0].organisation_id
    lease = parse_public_id("lease", lease_id)
    assert lease is not None
    for _ in range(2):
        by_provider = abuse_report_of_lease(
            provider_organisation_id=provider_id, lease_id=lease, reason="illegal", detail="", now=utc_now()
        )
        by_buyer = abuse_report_of_job(
            organisation_id=scene.buyer.id, job_id=job.id, reason="wrong_answer", detail="", now=utc_now()
        )
    assert (by_provider.reporter_id, by_provider.accused_id) == (provider_id, scene.buyer.id)
    assert (by_buyer.reporter_id, by_buyer.accused_id) == (scene.buyer.id, provider_id)
    assert AbuseReport.objects.filter(job=job).count() == 2


def test_nobody_reports_a_job_that_is_not_theirs(scene: Scene) -> None:
    job, lease_id = claimed(scene)
    lease = parse_public_id("lease", lease_id)
    assert lease is not None
    stranger = builders.organisation()
    waiting = scene.create(now=utc_now())  # no provider had it
    said = {"reason": "other", "detail": "", "now": utc_now()}
    for report in (
        lambda: abuse_report_of_lease(provider_organisation_id=stranger.id, lease_id=lease, **said),
        lambda: abuse_report_of_job(organisation_id=stranger.id, job_id=job.id, **said),
        lambda: abuse_report_of_job(organisation_id=scene.buyer.id, job_id=waiting.id, **said),
    ):
        with pytest.raises(CuxError) as refused:
            report()
        assert refused.value.code is Code.NOT_FOUND
    assert not AbuseReport.objects.filter(job__in=[job, waiting]).exists()


def test_reports_of_a_day_are_limited(scene: Scene) -> None:
    job, _ = claimed(scene)
    others = [builders.organisation() for _ in range(DAILY_MAX)]
    AbuseReport.objects.bulk_create(
        AbuseReport(job=job, reporter=scene.buyer, accused=other, reason="other") for other in others
    )
    with pytest.raises(CuxError) as refused:
        abuse_report_of_job(
            organisation_id=scene.buyer.id, job_id=job.id, reason="other", detail="", now=utc_now()
        )
    assert refused.value.code is Code.RATE_LIMITED


def test_an_operator_decides_a_report_once(scene: Scene) -> None:
    job, _ = claimed(scene)
    report = abuse_report_of_job(
        organisation_id=scene.buyer.id, job_id=job.id, reason="privacy", detail="", now=utc_now()
    )
    upheld, dismissed = AbuseReport.State.UPHELD, AbuseReport.State.DISMISSED
    for state, by in ((upheld, "key_1"), (dismissed, "key_2")):
        decided = abuse_report_decide(abuse_report_id=report.id, state=state, note="n", by=by, now=utc_now())
        assert (decided.state, decided.decided_by) == ("upheld", "key_1")
    (said,) = AuditRecord.objects.filter(action="abuse_report.decided", organisation_id=report.accused_id)
    assert said.detail == {"state": "upheld", "note": "n"}


def test_two_operators_who_decide_a_report_at_once_decide_it_once(scene: Scene) -> None:
    job, _ = claimed(scene)
    report = abuse_report_of_job(
        organisation_id=scene.buyer.id, job_id=job.id, reason="privacy", detail="", now=utc_now()
    )

    def decide(state: AbuseReport.State, by: str) -> AbuseReport:
        return abuse_report_decide(abuse_report_id=report.id, state=state, note="", by=by, now=utc_now())

    _, second = race(
        lambda: decide(AbuseReport.State.UPHELD, "key_1"),
        lambda: decide(AbuseReport.State.DISMISSED, "key_2"),
    )
    report.refresh_from_db()
    assert (second.state, second.decided_by) == (report.state, report.decided_by) == ("upheld", "key_1")
    said = AuditRecord.objects.filter(action="abuse_report.decided", organisation_id=report.accused_id)
    assert said.count() == 1
