"""Why a provider earned what it did, job by job, to the nano-dollar, and what it may sell."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from accounts.services import api_key_create
from core.clock import utc_now
from core.ids import public_id
from exchange.models import Capacity
from tests.integration.inference.scene import EOS, Scene, make_agent
from tests.integration.inference.test_agent_api import APPLICATION, code
from tests.integration.inference.test_job_path import USED_UCU, settle_one


def earnings(key: str, query: str = "", *, what: str = "earnings") -> httpx.Response:
    """Ask for earnings, or capacity, with this key."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=APPLICATION)
        async with httpx.AsyncClient(transport=transport, base_url="http://cux") as client:
            return await client.get(f"/agent/v1/{what}{query}", headers={"Authorization": f"Bearer {key}"})

    return asyncio.run(ask())


@pytest.fixture
def key(scene: Scene) -> str:
    """Return a key of the first provider's, for its agent."""
    return api_key_create(
        organisation_id=scene.agents[0].provider.organisation_id, name="agent", scopes=["provide"]
    ).secret


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def test_each_job_says_its_tokens_compute_price_and_hold_back(scene: Scene, key: str) -> None:
    job = settle_one(scene, [1, 2, EOS])
    (row,) = rows(earnings(key))
    paid = 2_000 * USED_UCU
    matures_at, booked_at = (datetime.fromisoformat(row.pop(name)) for name in ("matures_at", "booked_at"))
    assert matures_at - booked_at == timedelta(days=7)
    assert abs(booked_at - utc_now()) < timedelta(minutes=1)
    assert row == {
        "kind": "job",
        "subject_id": public_id("job", job.id),
        "model": scene.model.name,
        "card_hash": scene.model.card_hash,
        "prompt_tokens": 5,
        "cached_tokens": 0,
        "output_tokens": 3,
        "compute_ucu": USED_UCU,
        "paid_nano_usd": paid - paid // 10,
        "held_nano_usd": paid // 10,
        "price_nano_usd_per_cu": 2_000_000_000,
    }


def test_pages_go_from_the_newest_back_and_end(scene: Scene, key: str) -> None:
    jobs = [public_id("job", settle_one(scene, ids).id) for ids in ([1, EOS], [1, 2, EOS], [7])]
    first = earnings(key, "?limit=2")
    assert [row["subject_id"] for row in rows(first)] == jobs[:0:-1]
    second = earnings(key, f"?limit=2&before={first.json()['next_before']}")
    assert [row["subject_id"] for row in rows(second)] == jobs[:1]
    assert second.json()["next_before"] is None


def test_nobody_sees_another_providers_earnings_or_asks_for_nonsense(scene: Scene, key: str) -> None:
    settle_one(scene, [1, EOS])
    assert rows(earnings(make_agent(scene.model).api_key)) == []
    reader = api_key_create(organisation_id=scene.buyer.id, name="reader", scopes=["read"]).secret
    assert code(earnings(reader)) == (403, "missing_scope")
    for query in ("?limit=0", "?limit=201", "?limit=x", "?before=-1"):
        assert code(earnings(key, query)) == (400, "invalid_field")


def test_capacity_says_what_was_measured_and_what_is_sold_and_not_drawn(scene: Scene, key: str) -> None:
    (entitlement,) = scene.entitlements
    compute_class = entitlement.instrument.compute_class_id
    Capacity.objects.create(
        organisation_id=entitlement.provider_id,
        compute_class_id=compute_class,
        rate_ucu_per_s=1_000,
        tier_factor_ppm=900_000,
    )
    settle_one(scene, [1, 2, EOS])
    firm, idle = rows(earnings(key, what="capacity"))
    assert firm == {
        "compute_class": compute_class,
        "delivery": "spot",
        "rate_ucu_per_s": 1_000,
        "tier_factor_ppm": 900_000,
        "issued_ucu": 10_000 - USED_UCU,
    }
    assert (idle["delivery"], idle["issued_ucu"]) == ("idle", 0)
