"""Measured availability: seconds with a heartbeat, or in an outage of ours, over the window."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from billing.models import Document
from billing.selectors.balances import organisation_balance
from core.clock import utc_now
from core.ids import new_id
from exchange.models import Entitlement
from exchange.services.entitlement_expire import ExpirySplit
from inference.models import Uptime
from inference.selectors.uptime import availability_ppm, platform_up_since
from inference.services.entitlements_expire import entitlement_pay_out
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.uptime_record import platform_uptime_record, uptime_extend
from tests.integration.inference.books import books
from tests.integration.inference.scene import Scene

_windows = itertools.count()


@pytest.fixture
def start() -> datetime:
    """The start of a day that no other test uses: the exchange's own intervals are everybody's."""
    return datetime(2040, 1, 1, tzinfo=UTC) + timedelta(days=2 * next(_windows))


def up(provider_id, start: datetime, *spans: tuple[int, int]) -> None:
    Uptime.objects.bulk_create(
        Uptime(
            id=new_id(),
            provider_id=provider_id,
            started_at=start + timedelta(seconds=a),
            ended_at=start + timedelta(seconds=b),
        )
        for a, b in spans
    )


def measured(scene: Scene, start: datetime, seconds: int = 1_000) -> int:
    return availability_ppm(
        provider_id=scene.agents[0].provider.id, start=start, end=start + timedelta(seconds=seconds)
    )


def test_seconds_with_a_heartbeat_count(scene: Scene, start: datetime) -> None:
    up(None, start, (-100, 1_100))
    assert measured(scene, start) == 0
    up(scene.agents[0].provider.id, start, (-50, 250), (500, 750), (700, 800), (1_050, 1_060))
    assert measured(scene, start) == 550_000


@pytest.mark.parametrize("idle", [{"ready": False}, {"draining": True}])
def test_a_heartbeat_that_offers_nothing_is_not_paid_for(scene: Scene, start: datetime, idle: dict) -> None:
    up(None, start, (-100, 1_100))
    agent = scene.agents[0]
    for second in range(0, 1_001, 5):
        # There without a gap, and offering the model for an instant every 20 s, but for 200…300.
        offers = second % 20 == 0 or 200 <= second <= 300
        agent.heartbeat(scene.model, now=start + timedelta(seconds=second), **({} if offers else idle))
    assert measured(scene, start) == 100_000


def test_no_second_of_a_provider_s_silence_is_paid_for(scene: Scene, start: datetime) -> None:
    up(None, start, (-100, 1_100))
    for second in range(0, 101, 5):
        scene.agents[0].heartbeat(scene.model, now=start + timedelta(seconds=second))
    assert measured(scene, start) == 100_000


def test_the_result_is_rounded_down(scene: Scene, start: datetime) -> None:
    up(None, start, (-100, 1_100))
    up(scene.agents[0].provider.id, start, (0, 2))
    assert measured(scene, start, seconds=3) == 666_666


def test_an_outage_of_ours_counts_for_the_provider(scene: Scene, start: datetime) -> None:
    # We were away 400…500; a heartbeat that could not arrive before (5 s) and the way back (20 s) count too.
    up(None, start, (-100, 400), (500, 1_100))
    assert measured(scene, start) == 125_000
    up(scene.agents[0].provider.id, start, (0, 396), (519, 1_000))
    assert measured(scene, start) == 1_000_000


def test_a_window_in_which_we_never_were_there_costs_the_provider_nothing(
    scene: Scene, start: datetime
) -> None:
    assert measured(scene, start) == 1_000_000


def test_heartbeats_extend_an_interval_until_a_gap(scene: Scene, start: datetime) -> None:
    agent = scene.agents[0]
    for second in (0, 20, 25, 46, 50):
        agent.heartbeat(scene.model, now=start + timedelta(seconds=second))
    spans = Uptime.objects.filter(provider=agent.provider, started_at__gte=start).order_by("started_at")
    assert [((each.started_at - start).seconds, (each.ended_at - start).seconds) for each in spans] == [
        (0, 25),
        (46, 50),
    ]


def test_the_exchange_is_up_since_its_last_gap(db: None, start: datetime) -> None:
    def at(second: int) -> datetime:
        return start + timedelta(seconds=second)

    for second in (0, 10, 30, 32):
        platform_uptime_record(now=at(second))
    assert platform_up_since(at(9)) == at(0)
    assert platform_up_since(at(34)) == at(30)
    assert platform_up_since(at(42)) == at(30)
    assert platform_up_since(at(43)) is None


def test_signs_out_of_order_never_shorten_an_interval(scene: Scene, start: datetime) -> None:
    provider_id = scene.agents[0].provider.id
    with transaction.atomic():
        for second in (0, 10, 8):
            uptime_extend(
                provider_id=provider_id, gap=timedelta(seconds=20), now=start + timedelta(seconds=second)
            )
    (span,) = Uptime.objects.filter(provider_id=provider_id, started_at=start)
    assert span.ended_at == start + timedelta(seconds=10)


def test_an_entitlement_ends_by_the_availability_measured_in_its_window(
    scene: Scene, start: datetime
) -> None:
    (entitlement,) = scene.entitlements
    job = scene.create(now=utc_now())
    job_dispatch(job_id=job.id, now=utc_now())
    (lease,) = scene.agents[0].claim(now=utc_now())
    scene.agents[0].deliver(lease, list(range(20)), now=utc_now())
    job_settle(job_id=job.id, now=utc_now())  # 84 µCU drawn, 168,000 nano-USD paid

    end = start + timedelta(seconds=1_000)
    Entitlement.objects.filter(id=entitlement.id).update(starts_at=start, ends_at=end)
    up(None, start, (-100, 1_100))
    up(scene.agents[0].provider.id, start, (0, 333))
    assert entitlement_pay_out(entitlement_id=entitlement.id, now=end - timedelta(seconds=1)) is None
    split = entitlement_pay_out(entitlement_id=entitlement.id, now=end)
    left = 2_000 * (10_000 - 84)
    fee_left = 20 * (10_000 - 84)
    assert split == ExpirySplit(
        provider_nano_usd=left * 333 // 1_000,
        fee_earned_nano_usd=fee_left * 333 // 1_000,
        buyer_nano_usd=left + fee_left - left * 333 // 1_000 - fee_left * 333 // 1_000,
        unused_ucu=10_000 - 84,
    )
    paid = 168_000 + left * 333 // 1_000
    book = books(entitlement)
    assert (book.undrawn_ucu, book.escrow_nano_usd) == (0, 0)
    assert book.earnings_nano_usd + book.hold_back_nano_usd == paid
    assert entitlement_pay_out(entitlement_id=entitlement.id, now=end) is None


def test_the_house_gives_back_what_its_own_outages_cost_the_buyer(scene: Scene, start: datetime) -> None:
    (entitlement,) = scene.entitlements
    end = start + timedelta(seconds=1_000)
    Entitlement.objects.filter(id=entitlement.id).update(starts_at=start, ends_at=end)
    up(None, start, (-100, 400), (500, 1_100))
    up(scene.agents[0].provider.id, start, (0, 390), (600, 1_000))
    # The provider is paid for 0…390, 395…520 (the outage, and around it) and 600…1,000: 91.5 %.
    split = entitlement_pay_out(entitlement_id=entitlement.id, now=end)
    escrow, fee = 20_000_000, 200_000
    credit = escrow * 125 // 1_000 + fee * 125 // 1_000
    assert split == ExpirySplit(
        provider_nano_usd=escrow * 915 // 1_000,
        fee_earned_nano_usd=fee * 915 // 1_000,
        buyer_nano_usd=(escrow + fee) * 85 // 1_000,
        unused_ucu=10_000,
        outage_credit_nano_usd=credit,
    )
    assert (
        books(entitlement).earnings_nano_usd + books(entitlement).hold_back_nano_usd == escrow * 915 // 1_000
    )
    (note,) = Document.objects.filter(organisation=scene.buyer)
    assert (note.kind, note.reason, note.total_nano_usd) == ("credit_note", "outage", credit)
    assert note.entry_id == f"outage:{entitlement.id}"
    assert organisation_balance(scene.buyer.id).transit == (escrow + fee) * 85 // 1_000 + credit
