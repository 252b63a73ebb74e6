"""Jobs of batches: behind all others, on the cheapest compute, with half of the draw limit left."""

from collections.abc import Callable

import pytest

from core.clock import utc_now
from core.errors import Code, CuxError
from inference.models import Job, ProviderModel
from inference.routing import Preferences
from inference.services.job_create import job_create
from inference.services.job_dispatch import job_dispatch
from inference.services.sampling import Sampling
from tests.integration.inference.scene import EOS, Scene, make_entitlement


def background(scene: Scene, **quoted: int) -> Job:
    return job_create(
        quote=scene.quote(**quoted),
        sampling=Sampling(),
        now=utc_now(),
        preferences=Preferences(sort="price"),
        background=True,
    )


def test_a_batchs_job_gets_a_slot_only_when_no_other_waits(scene: Scene) -> None:
    ProviderModel.objects.filter(model=scene.model).update(slots=1)
    patient = [background(scene), background(scene)]
    urgent = [scene.create(now=utc_now()), scene.create(now=utc_now())]
    order = []
    for _ in range(4):
        waiting = Job.objects.filter(organisation=scene.buyer, state=Job.State.QUEUED)
        job_dispatch(job_id=waiting.order_by("-background")[0].id, now=utc_now())
        (lease,) = scene.agents[0].claim(now=utc_now())
        order.append(lease.job_id)
        scene.agents[0].deliver(lease, [1, EOS], now=utc_now())
    assert order == [f"job_{job.id.hex}" for job in (*urgent, *patient)]


def test_turns_of_batches_move_nobody_elses(scene: Scene) -> None:
    for _ in range(3):
        background(scene)
    first = scene.create(now=utc_now())
    ahead = first.turn_finish // 2
    assert first.turn_start == ahead  # an organisation's other jobs do not stand behind its batches'
    job_dispatch(job_id=first.id, now=utc_now())
    served = ProviderModel.objects.get(model=scene.model)
    assert (served.turn_clock, served.background_clock > ahead) == (ahead, True)


def test_a_batchs_job_goes_where_compute_was_cheapest_and_draws_the_cheapest_first(
    make: Callable[..., Scene],
) -> None:
    scene = make(providers=2, quantity_ucu=5_000)
    cheap = make_entitlement(
        scene.instrument, scene.buyer, scene.agents[1].provider.organisation, 5_000, price=100
    )
    for _ in range(5):
        job = background(scene)
        assert job.provider_id == scene.agents[1].provider.id
        assert [part.entitlement_id for part in job.reservations.all()] == [cheap.id]


def test_half_of_the_draw_limit_is_left_to_others(make: Callable[..., Scene]) -> None:
    scene = make(quantity_ucu=10_000, window_s=10_000)  # 1,200 µCU at once
    quote = scene.quote(max_tokens=100).quote_ucu
    assert 300 < quote < 600
    background(scene, max_tokens=100)
    with pytest.raises(CuxError) as refused:
        background(scene, max_tokens=100)
    assert refused.value.code is Code.DRAW_LIMIT
    scene.create(now=utc_now(), max_tokens=100)
