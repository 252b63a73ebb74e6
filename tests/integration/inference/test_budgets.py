"""Budgets: what may be spent in a window is set aside with a job's compute, and never exceeded."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from accounts.models import ApiKey
from accounts.services import api_key_create
from billing.models import Budget, BudgetWindow, Hold
from billing.selectors.budgets import BudgetFigures, budget_figures, budget_list
from billing.services.budget_alert import BudgetExceeded, alert_on_refusal
from billing.services.budget_reserve import budget_reserve, budget_settle
from billing.services.budget_set import budget_end, budget_set
from core.clock import utc_now
from core.errors import Code, CuxError
from core.models import OutboxMessage
from inference.models import Job
from inference.services.job_cancel import job_cancel
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.leases_expire import leases_expire
from tests.builders import organisation
from tests.database import refused_by_database
from tests.integration.inference.books import UNTOUCHED, books
from tests.integration.inference.scene import EOS, Scene, granted_to
from tests.integration.inference.test_once import at_once

PER_UCU = 2_020
QUOTE = 84 * PER_UCU
"""The most that a job of the scene can cost, in nano-USD; by hand in `test_job_path`."""
USED = 10 * PER_UCU


def key_of(scene: Scene) -> ApiKey:
    return api_key_create(organisation_id=scene.buyer.id, name="k", scopes=["infer"]).key


def set_budget(scene: Scene, limit: int, *, window: str = "day", key: ApiKey | None = None) -> Budget:
    return budget_set(
        organisation_id=scene.buyer.id,
        api_key_id=key.id if key else None,
        window=window,
        limit_nano_usd=limit,
        now=utc_now(),
    )


def figures(budget: Budget) -> tuple[int, int, int]:
    """Return what is reserved, spent and left now."""
    now: BudgetFigures = budget_figures(Budget.objects.get(id=budget.id), utc_now())
    return now.reserved_nano_usd, now.spent_nano_usd, now.left_nano_usd


def alerts(budget: Budget) -> list[int]:
    rows = OutboxMessage.objects.filter(topic="alert.budget", payload__budget_id=f"bud_{budget.id.hex}")
    return [row.payload["percent"] for row in rows.order_by("id")]


def refused(ask: Callable[[], object]) -> BudgetExceeded:
    with pytest.raises(BudgetExceeded) as refusal, alert_on_refusal():
        ask()
    assert refusal.value.code is Code.BUDGET_EXCEEDED
    return refusal.value


@transaction.atomic
def end_unpaid(job_id: uuid.UUID, now: datetime) -> None:
    budget_settle(job_id=job_id, charged_nano_usd=0, now=now)


def settle(scene: Scene, job: Job) -> Job:
    now = utc_now()
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    return job_settle(job_id=job.id, now=now)


def test_a_job_reserves_its_quote_and_spends_what_it_was_charged(scene: Scene) -> None:
    budget = set_budget(scene, 2 * QUOTE)
    job = scene.create(now=utc_now())
    assert figures(budget) == (QUOTE, 0, QUOTE)
    settle(scene, job)
    job_settle(job_id=job.id, now=utc_now())
    assert figures(budget) == (0, USED, 2 * QUOTE - USED)


def test_over_budget_nothing_moves_and_the_refusal_says_how_much_is_left(scene: Scene) -> None:
    budget = set_budget(scene, 2 * QUOTE - 1)
    scene.create(now=utc_now())
    before = books(scene.entitlements[0]), Hold.objects.count(), Job.objects.count(), figures(budget)
    refusal = refused(lambda: scene.create(now=utc_now()))
    assert refusal.status == 402
    assert "$0.00016968 and $0.000169679 are left" in refusal.message
    assert before == (
        books(scene.entitlements[0]),
        Hold.objects.count(),
        Job.objects.count(),
        figures(budget),
    )


@pytest.mark.parametrize("end", ["cancel", "deadline"])
def test_a_refunded_job_gives_its_reservation_back(scene: Scene, end: str) -> None:
    budget = set_budget(scene, QUOTE)
    job = scene.create(now=utc_now())
    if end == "cancel":
        job_cancel(job_id=job.id, now=utc_now())
    else:
        job_dispatch(job_id=job.id, now=job.deadline)
    job.refresh_from_db()
    assert job.state == Job.State.REFUNDED
    assert figures(budget) == (0, 0, QUOTE)


def test_every_budget_of_organisation_and_key_counts(scene: Scene) -> None:
    key, other = key_of(scene), key_of(scene)
    whole = set_budget(scene, 10 * QUOTE, window="month")
    own = set_budget(scene, QUOTE, key=key)
    scene.create(now=utc_now(), key=key)
    assert (figures(whole)[0], figures(own)[0]) == (QUOTE, QUOTE)
    refused(lambda: scene.create(now=utc_now(), key=key))
    scene.create(now=utc_now(), key=other)
    scene.create(now=utc_now())
    assert (figures(whole)[0], figures(own)[0]) == (3 * QUOTE, QUOTE)
    listed = budget_list(organisation_id=scene.buyer.id, now=utc_now())
    assert [row.budget.id for row in listed] == [whole.id, own.id]


def test_sixty_four_jobs_at_once_never_exceed_a_budget(make: Callable[..., Scene]) -> None:
    scene = make(quantity_ucu=11_000)
    budget = set_budget(scene, 20 * QUOTE + QUOTE // 2)

    def ask() -> bool:
        try:
            scene.create(now=utc_now())
        except BudgetExceeded:
            return False
        return True

    assert sum(at_once(64, ask)) == 20
    assert figures(budget) == (20 * QUOTE, 0, QUOTE // 2)


def test_the_row_alone_keeps_a_budget_whoever_asks_at_once(db: None) -> None:
    """Beside the lock of the holder's entitlements, which all jobs of an organisation take."""
    owner = organisation().id
    budget_set(organisation_id=owner, api_key_id=None, window="day", limit_nano_usd=10, now=utc_now())
    jobs = iter([uuid.uuid4() for _ in range(32)])

    def ask() -> uuid.UUID | None:
        job_id = next(jobs)
        try:
            with transaction.atomic():
                budget_reserve(
                    organisation_id=owner, api_key_id=None, job_id=job_id, amount_nano_usd=3, now=utc_now()
                )
        except BudgetExceeded:
            return None
        return job_id

    admitted = [job for job in at_once(32, ask) if job]
    assert len(admitted) == 3
    for job in admitted:
        end_unpaid(job, utc_now())
    (row,) = budget_list(organisation_id=owner, now=utc_now())
    assert (row.reserved_nano_usd, row.spent_nano_usd, row.left_nano_usd) == (0, 0, 10)


def test_a_new_window_is_a_new_row_and_a_job_ends_where_it_began(db: None) -> None:
    owner, job = organisation().id, uuid.uuid4()
    evening = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
    asked = {"organisation_id": owner, "api_key_id": None}
    day = budget_set(**asked, window="day", limit_nano_usd=10, now=evening)
    month = budget_set(**asked, window="month", limit_nano_usd=15, now=evening)
    with transaction.atomic():
        budget_reserve(**asked, job_id=job, amount_nano_usd=10, now=evening)
    morning = evening + timedelta(minutes=2)
    for budget in (day, month):
        assert budget_figures(budget, evening).reserved_nano_usd == 10
        assert budget_figures(budget, morning).reserved_nano_usd == 0
    second = uuid.uuid4()
    with transaction.atomic():
        budget_reserve(**asked, job_id=second, amount_nano_usd=7, now=morning)
    end_unpaid(job, morning)
    assert [budget_figures(day, at).reserved_nano_usd for at in (evening, morning)] == [0, 7]
    end_unpaid(second, morning)
    assert BudgetWindow.objects.filter(budget__in=[day, month]).count() == 4


def test_a_budget_set_later_counts_what_its_window_has_cost_already(scene: Scene) -> None:
    settle(scene, scene.create(now=utc_now()))
    budget = set_budget(scene, QUOTE)
    assert figures(budget) == (0, USED, QUOTE - USED)
    refused(lambda: scene.create(now=utc_now()))
    set_budget(scene, QUOTE + USED)
    scene.create(now=utc_now())
    assert figures(budget) == (QUOTE, USED, 0)


def test_a_lowered_limit_stops_further_jobs_and_lets_running_ones_end(scene: Scene) -> None:
    budget = set_budget(scene, 2 * QUOTE)
    job = scene.create(now=utc_now())
    assert set_budget(scene, 1).id == budget.id
    assert figures(budget) == (QUOTE, 0, 0)
    refused(lambda: scene.create(now=utc_now()))
    settle(scene, job)
    assert figures(budget) == (0, USED, 0)
    budget_end(organisation_id=scene.buyer.id, budget_id=budget.id, now=utc_now())
    scene.create(now=utc_now())
    assert figures(budget) == (0, USED, 0)
    with pytest.raises(CuxError) as again:
        budget_end(organisation_id=scene.buyer.id, budget_id=budget.id, now=utc_now())
    assert again.value.code is Code.NOT_FOUND


def test_a_job_that_moves_changes_what_it_reserves_or_ends_unpaid(make: Callable[..., Scene]) -> None:
    scene = make(providers=2)
    budget = set_budget(scene, QUOTE)
    now = utc_now()
    job = scene.create(now=now)
    job_dispatch(job_id=job.id, now=now)
    first = granted_to(scene, job)
    late = now + timedelta(seconds=6)
    scene.heartbeats(now=late)
    leases_expire(now=late)
    job_dispatch(job_id=job.id, now=late)
    assert granted_to(scene, job) is not first
    assert figures(budget) == (QUOTE, 0, 0)


def test_alerts_come_once_each_at_50_80_and_100_percent(scene: Scene) -> None:
    budget = set_budget(scene, 2 * USED + QUOTE)
    assert alerts(budget) == []
    for _ in range(2):
        settle(scene, scene.create(now=utc_now()))
    set_budget(scene, 4 * USED)  # half of it is spent
    assert alerts(budget) == []
    set_budget(scene, 3 * USED)
    refused(lambda: scene.create(now=utc_now()))
    refused(lambda: scene.create(now=utc_now()))
    assert alerts(budget) == [100]


@pytest.mark.parametrize(
    ("limit", "expected"), [(2 * USED, [50]), (USED * 5 // 4, [80]), (USED, [100]), (3 * USED, [])]
)
def test_the_highest_step_that_was_reached_is_told(scene: Scene, limit: int, expected: list[int]) -> None:
    budget = set_budget(scene, QUOTE)
    job = scene.create(now=utc_now())
    set_budget(scene, limit)
    settle(scene, job)
    assert alerts(budget) == expected


def test_a_budget_is_for_ones_own_keys(scene: Scene) -> None:
    stranger = api_key_create(organisation_id=organisation().id, name="k", scopes=["infer"]).key
    with pytest.raises(CuxError) as refusal:
        set_budget(scene, 1, key=stranger)
    assert (refusal.value.code, refusal.value.param) == (Code.INVALID_FIELD, "key_id")
    assert budget_list(organisation_id=scene.buyer.id, now=utc_now()) == []


def test_the_database_keeps_a_window_within_its_limit_and_its_rows(scene: Scene) -> None:
    budget = set_budget(scene, QUOTE)
    scene.create(now=utc_now())
    for change in ("reserved_nano_usd = limit_nano_usd + 1", "spent_nano_usd = -1", "reserved_nano_usd = -1"):
        sql = f"UPDATE billing_budgetwindow SET {change} WHERE budget_id = %s"
        assert refused_by_database("default", sql, budget.id) == "23514"
    assert refused_by_database("default", "DELETE FROM billing_budgetwindow") == "42501"
    assert refused_by_database("owner", "DELETE FROM billing_budgetwindow") == "CX004"
    columns = 'id, organisation_id, "window", limit_nano_usd, created_at'
    copied = f"SELECT uuidv7(), {columns[4:]} FROM billing_budget WHERE id = %s"
    twice = f"INSERT INTO billing_budget ({columns}) {copied}"
    assert refused_by_database("owner", twice, budget.id) == "23505"
    assert figures(budget) == (QUOTE, 0, 0)
    assert books(scene.entitlements[0]) != UNTOUCHED
