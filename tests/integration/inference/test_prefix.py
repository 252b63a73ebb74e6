"""The cached prefix: what a prompt shares with one just settled is free there, and never more."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from core.clock import utc_now
from cux.wire.metering import compute_ucu
from cux.wire.verification import parse_receipt
from inference.models import Job, Lease, PrefixBlock
from inference.selectors.catalogue import card_of
from inference.selectors.jobs import receipt_get
from inference.selectors.prefixes import cached_by_provider
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from inference.services.lease_fail import lease_fail
from tests.builders import organisation
from tests.integration.inference.scene import EOS, Scene, granted_to, make_entitlement

Make = Callable[..., Scene]
LONG = "x" * 100


def settle(scene: Scene, text: str, *, now) -> Job:
    job = scene.create(text=text, now=now)
    job_dispatch(job_id=job.id, now=now)
    agent = granted_to(scene, job)
    (lease,) = agent.claim(now=now)
    agent.deliver(lease, [1, EOS], now=now)
    return job_settle(job_id=job.id, now=now)


@pytest.mark.parametrize(
    ("text", "cached"),
    [
        (LONG + "and more", 96),
        (LONG, 96),
        ("x" * 96, 64),  # at most P - 1 tokens
        ("x" * 97, 96),
        ("x" * 63 + "y" * 40, 32),
        ("y" + LONG, 0),
        ("x" * 31, 0),
    ],
    ids=["longer", "the same", "whole blocks", "one more", "half", "another start", "short"],
)
def test_a_shared_prefix_of_whole_blocks_is_not_charged_again(scene: Scene, text: str, cached: int) -> None:
    now = utc_now()
    first = settle(scene, LONG, now=now)
    assert first.cached_tokens == 0
    second = settle(scene, text, now=now)
    assert second.cached_tokens == cached
    card = card_of(scene.model)
    paid = compute_ucu(card, prompt_tokens=len(text), cached_tokens=cached, output_tokens=2)
    assert second.compute_ucu == paid
    assert second.quote_ucu == compute_ucu(card, prompt_tokens=len(text), output_tokens=20)
    receipt = parse_receipt(receipt_get(organisation_id=scene.buyer.id, job_id=second.id)).body
    assert (receipt.cached_tokens, receipt.compute_ucu) == (cached, paid)


@pytest.mark.parametrize(("seconds", "cached"), [(299, 96), (300, 0)])
def test_a_prefix_is_remembered_for_five_minutes(scene: Scene, seconds: int, cached: int) -> None:
    now = utc_now()
    settle(scene, LONG, now=now)
    later = now + timedelta(seconds=seconds)
    scene.heartbeats(now=later)
    assert settle(scene, LONG, now=later).cached_tokens == cached


def test_another_organisation_s_prefix_is_its_own(scene: Scene) -> None:
    now = utc_now()
    settle(scene, LONG, now=now)
    owner = organisation("buyer")
    made = make_entitlement(scene.instrument, owner, scene.agents[0].provider.organisation, 10_000)
    other = Scene(scene.model, scene.instrument, owner, scene.agents, [made])
    assert settle(other, LONG, now=now).cached_tokens == 0


def test_what_is_kept_are_keyed_hashes(scene: Scene) -> None:
    settle(scene, LONG, now=utc_now())
    kept = PrefixBlock.objects.filter(provider=scene.agents[0].provider)
    assert [len(bytes(each.hash)) for each in kept] == [32, 32, 32]


def test_the_discount_is_the_provider_s_that_answered_before(make: Make) -> None:
    scene = make(providers=2)
    now = utc_now()
    first = settle(scene, LONG, now=now)
    second = scene.create(text=LONG, now=now)
    assert cached_by_provider(second, now=now) == {first.provider_id: 96}
    job_dispatch(job_id=second.id, now=now)
    second.refresh_from_db()
    assert second.cached_tokens == (96 if second.provider_id == first.provider_id else 0)
    lease = Lease.objects.get(job=second)
    lease_fail(lease_id=lease.id, provider_id=lease.provider_id, reason="engine_failed", now=now)
    was_cached = second.cached_tokens
    second.refresh_from_db()
    assert second.cached_tokens == 96 - was_cached
