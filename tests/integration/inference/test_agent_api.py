"""The provider protocol over HTTP: who may say what, and what it does."""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from accounts.services import api_key_create
from api.agent import claims
from api.agent.routes import ROUTES
from api.application import Application
from api.http import Disconnected, Request
from core import notify
from core.clock import rfc3339, utc_now
from core.ids import public_id
from core.threads import in_thread
from cux.wire import agent
from cux.wire.card import ComputeCard
from cux.wire.signing import SigningKey
from exchange.models import Capacity
from inference.models import CatalogueModel, Job, Lease, Provider, ProviderModel
from inference.services.job_dispatch import job_dispatch
from inference.services.provider_enrol import provider_create, provider_enrol
from tests.builders import organisation, unique
from tests.integration.inference.scene import Agent, Scene, make_agent, smollm_card
from tests.sequencer_process import sequencer


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("no other address is asked for here")


APPLICATION = Application(ROUTES, _nothing)


async def post(path: str, message: object, *, key: str | None = None) -> httpx.Response:
    headers = {"content-type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    transport = httpx.ASGITransport(app=APPLICATION)
    async with httpx.AsyncClient(transport=transport, base_url="http://cux") as client:
        return await client.post(f"/agent/v1/{path}", content=msgspec.json.encode(message), headers=headers)


def ask(path: str, message: object, *, key: str | None = None) -> httpx.Response:
    return asyncio.run(post(path, message, key=key))


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def heartbeat(owner: Agent, scene: Scene, *running: str, **changes: Any) -> agent.Heartbeat:
    sign = agent.Heartbeat(
        provider_id=public_id("provider", owner.provider.id),
        running=list(running),
        free_slots=3,
        draining=False,
        models=[agent.ModelState(model=scene.model.name, card_hash=scene.model.card_hash, ready=True)],
        sent_at=rfc3339(utc_now()),
    )
    return msgspec.structs.replace(sign, **changes)


def enrol_request(token: str) -> agent.EnrolRequest:
    key = SigningKey(os.urandom(32))
    return agent.EnrolRequest(
        token=token, public_key=key.public.hex(), name="host", agent_version="1", hardware="2 cores"
    )


@pytest.mark.usefixtures("db")
def test_enrolling_spends_the_token_and_gives_a_key_that_may_provide() -> None:
    created = provider_create(organisation_id=organisation("provider").id, name="host")
    request = enrol_request(created.enrol_token)
    first = ask("enrol", request)
    assert first.status_code == 201
    answer = msgspec.json.decode(first.content, type=agent.EnrolResponse)
    assert answer.provider_id == public_id("provider", created.provider.id)
    assert Provider.objects.get(id=created.provider.id).public_key == request.public_key

    # The first answer may have been lost: the same key may ask again, another one never.
    again = ask("enrol", request)
    assert again.status_code == 201
    assert again.json()["api_key"] != answer.api_key
    assert code(ask("enrol", enrol_request(created.enrol_token))) == (401, "invalid_enrol_token")
    assert code(ask("enrol", enrol_request("enrol_" + "x" * 32))) == (401, "invalid_enrol_token")
    assert Provider.objects.get(id=created.provider.id).public_key == request.public_key
    claim = ask("claim", agent.ClaimRequest(free_slots=1, wait_s=0), key=answer.api_key)
    assert claim.json()["leases"] == []


@pytest.mark.usefixtures("db")
def test_an_old_token_no_longer_repeats_its_enrolment() -> None:
    created = provider_create(organisation_id=organisation("provider").id, name="host")
    request = enrol_request(created.enrol_token)
    provider_enrol(request=request, now=utc_now() - timedelta(minutes=11))
    assert code(ask("enrol", request)) == (401, "invalid_enrol_token")


def test_a_heartbeat_says_what_is_ready(scene: Scene) -> None:
    owner = scene.agents[0]
    answer = ask("heartbeat", heartbeat(owner, scene, draining=True), key=owner.api_key)
    assert (answer.status_code, answer.json()["leases_canceled"]) == (200, [])
    provider = Provider.objects.get(id=owner.provider.id)
    assert provider.draining
    assert provider.last_heartbeat_at is not None
    served = ProviderModel.objects.get(provider=provider)
    assert (served.ready, served.slots) == (True, 3)

    ask("heartbeat", heartbeat(owner, scene, models=[]), key=owner.api_key)
    served.refresh_from_db()
    assert not served.ready


def test_only_an_enrolled_provider_s_own_key_is_heard(scene: Scene) -> None:
    owner, other = scene.agents[0], make_agent(scene.model)
    sign = heartbeat(owner, scene)
    assert code(ask("heartbeat", sign)) == (401, "invalid_api_key")
    assert code(ask("heartbeat", sign, key=other.api_key)) == (403, "forbidden")
    buyer = api_key_create(organisation_id=scene.buyer.id, name="k", scopes=["infer"]).secret
    assert code(ask("heartbeat", sign, key=buyer)) == (403, "missing_scope")
    stranger = api_key_create(organisation_id=scene.buyer.id, name="k", scopes=["provide"]).secret
    assert code(ask("claim", agent.ClaimRequest(free_slots=1, wait_s=0), key=stranger)) == (403, "forbidden")
    unknown = {"version": 1, "free_slots": 1, "wait_s": 0, "more": 1}
    assert code(ask("claim", unknown, key=owner.api_key)) == (400, "invalid_field")


def test_a_waiting_claim_wakes_when_a_lease_is_granted(scene: Scene) -> None:
    owner = scene.agents[0]

    async def main() -> tuple[float, httpx.Response]:
        request = agent.ClaimRequest(free_slots=1, wait_s=30)
        waiting = asyncio.create_task(post("claim", request, key=owner.api_key))
        async with asyncio.timeout(10):
            while not notify.listener()._waiters:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        job = await in_thread(scene.create, now=utc_now())
        started = time.monotonic()
        await in_thread(job_dispatch, job_id=job.id, now=utc_now())
        response = await waiting
        await notify.listener().close()
        return time.monotonic() - started, response

    elapsed_s, response = asyncio.run(main())
    (lease,) = msgspec.json.decode(response.content, type=agent.ClaimResponse).leases
    assert lease.prompt_token_ids == list(scene.quote().prompt_token_ids)
    assert elapsed_s < 1.5, "woken by the look every 2 s, not by the notification"


def test_an_agent_that_went_away_while_waiting_claims_nothing(scene: Scene) -> None:
    owner = scene.agents[0]
    body = msgspec.json.encode(agent.ClaimRequest(free_slots=1, wait_s=30))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/agent/v1/claim",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {owner.api_key}".encode())],
    }

    async def main() -> None:
        messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        messages.put_nowait({"type": "http.request", "body": body, "more_body": False})
        waiting = asyncio.create_task(claims.claim(Request(scope, messages.get)))
        async with asyncio.timeout(10):
            while not notify.listener()._waiters:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        messages.put_nowait({"type": "http.disconnect"})
        with pytest.raises(Disconnected):
            await waiting
        await notify.listener().close()

    asyncio.run(main())
    job = scene.create(now=utc_now())
    lease = job_dispatch(job_id=job.id, now=utc_now())
    assert lease is not None
    assert Lease.objects.get(id=lease.id).state == Lease.State.GRANTED
    (claimed,) = owner.claim(now=utc_now())
    assert claimed.lease_id == public_id("lease", lease.id)


def test_a_lease_given_back_moves_its_job(make: Callable[..., Scene]) -> None:
    scene = make(providers=2)
    job = scene.create(now=utc_now())
    lease = job_dispatch(job_id=job.id, now=utc_now())
    assert lease is not None
    owner = next(each for each in scene.agents if each.provider.id == lease.provider_id)
    path = f"leases/{public_id('lease', lease.id)}/fail"
    line = agent.FailedLine(code="draining", message="")
    assert ask(path, line, key=owner.api_key).status_code == 204
    assert Lease.objects.get(id=lease.id).outcome == "draining"
    assert Job.objects.get(id=job.id).state == Job.State.QUEUED
    assert code(ask("leases/lea_nonsense/fail", line, key=owner.api_key)) == (404, "not_found")


def test_a_measurement_becomes_capacity_through_the_sequencer(scene: Scene) -> None:
    owner = scene.agents[0]
    measured = agent.Measurement(
        model=scene.model.name, tokens_per_second=900, ucu_per_second=1_234, seconds=10
    )
    with sequencer():
        assert ask("measurements", measured, key=owner.api_key).status_code == 204
        assert ask("measurements", measured, key=owner.api_key).status_code == 204
    capacity = Capacity.objects.get(organisation_id=owner.organisation_id)
    assert (capacity.compute_class_id, capacity.rate_ucu_per_s) == (scene.model.compute_class_id, 1_234)
    assert ProviderModel.objects.get(provider=owner.provider).rate_ucu_per_s == 1_234

    claimed = msgspec.structs.replace(measured, tokens_per_second=90, ucu_per_second=5_678)
    assert code(ask("measurements", claimed, key=owner.api_key)) == (422, "implausible_measurement")
    capacity.refresh_from_db()
    kept = ProviderModel.objects.get(provider=owner.provider)
    assert (capacity.rate_ucu_per_s, kept.rate_ucu_per_s) == (1_234, 1_234)
    unknown = msgspec.structs.replace(measured, model="gpt-17")
    assert code(ask("measurements", unknown, key=owner.api_key)) == (404, "unknown_model")


def test_the_slowest_model_of_a_class_backs_what_is_sold_of_it(scene: Scene) -> None:
    owner, other = scene.agents[0], other_model(scene)
    with sequencer():
        for model, rate in ((other, 400), (scene.model, 1_234), (other, 900)):
            measured = agent.Measurement(
                model=model.name, tokens_per_second=rate * 900 // 1_234, ucu_per_second=rate, seconds=10
            )
            assert ask("measurements", measured, key=owner.api_key).status_code == 204
            capacity = Capacity.objects.get(organisation_id=owner.organisation_id)
            assert capacity.rate_ucu_per_s == (900 if rate == 900 else 400)
    assert Capacity.objects.filter(organisation_id=owner.organisation_id).count() == 1


def other_model(scene: Scene) -> CatalogueModel:
    """Another model of the scene's class."""
    name = unique("model")
    card = smollm_card(name)
    return CatalogueModel.objects.create(
        name=name,
        revision=scene.model.revision,
        precision=scene.model.precision,
        card_hash=card.card_hash,
        card=card.to_payload(),
        compute_class=scene.model.compute_class,
        context_tokens=256,
        directory=scene.model.directory,
        licence="apache-2.0",
    )


def test_without_a_sequencer_a_measurement_is_to_be_sent_again(scene: Scene, settings: Any) -> None:
    settings.SEQUENCER_SOCKET = "/nowhere/s"
    measured = agent.Measurement(model=scene.model.name, tokens_per_second=1, ucu_per_second=1, seconds=1)
    response = ask("measurements", measured, key=scene.agents[0].api_key)
    assert code(response) == (503, "sequencer_unavailable")
    assert not Capacity.objects.filter(organisation_id=scene.agents[0].organisation_id).exists()


def test_several_models_have_slots_and_problems_of_their_own(scene: Scene) -> None:
    owner = scene.agents[0]
    state = agent.ModelState(
        model=scene.model.name,
        card_hash=scene.model.card_hash,
        ready=True,
        slots=2,
        problem="gpu1: no memory",
    )
    sign = heartbeat(owner, scene, free_slots=7, models=[state])
    assert ask("heartbeat", sign, key=owner.api_key).status_code == 200
    row = ProviderModel.objects.get(provider=owner.provider)
    assert (row.ready, row.slots, row.problem) == (True, 2, "gpu1: no memory")
    down = msgspec.structs.replace(state, ready=False, slots=0, problem="crash loop")
    assert ask("heartbeat", heartbeat(owner, scene, models=[down]), key=owner.api_key).status_code == 200
    row.refresh_from_db()
    assert (row.ready, row.problem) == (False, "crash loop")
    assert ask("heartbeat", heartbeat(owner, scene), key=owner.api_key).status_code == 200
    row.refresh_from_db()
    assert (row.ready, row.slots, row.problem) == (True, 3, "")


def test_the_card_is_the_one_the_hash_names(scene: Scene) -> None:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app=APPLICATION)
        async with httpx.AsyncClient(transport=transport, base_url="http://cux") as client:
            return await client.get(
                f"/agent/v1/models/{scene.model.name}/card",
                headers={"Authorization": f"Bearer {scene.agents[0].api_key}"},
            )

    card = ComputeCard.from_payload(asyncio.run(get()).json())
    assert card.card_hash == scene.model.card_hash
