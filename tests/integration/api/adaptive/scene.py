"""A ladder of three models with one provider that answers as the test says, and a gate that is constant."""

import json
import math
import threading
from pathlib import Path
from queue import SimpleQueue

import httpx
import msgspec
import openai
from django.db import connections

from core.clock import rfc3339, utc_now
from core.ids import parse_public_id, public_id
from cux.wire import agent as wire
from cux.wire.receipt import FinishReason
from inference.engines.tokenizer import load_tokenizer
from inference.gate.features import BUCKETS
from inference.models import AdaptiveRequest, CatalogueModel, Job, ProviderModel, Reservation
from inference.services.heartbeat_record import heartbeat_record
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.integration.api.scripted import told
from tests.integration.inference.scene import Scene, smollm_card
from tests.unit.gate.files import member, write_arrays
from tests.waiting import eventually

HELLO = [{"role": "user", "content": "hello"}]
SURE, UNSURE = "!!!!", "~~~~"
"""Answers whose tokens the scripted provider says are certain, or worth 0.93 nats each."""
RUNGS = ("direct-10", "direct-20", "think-30")
CHANCES = (0.5, 0.8, 0.95)
TOKENS = (8, 8, 24)
MOST = (20, 20, 60)


def write_ladder(directory: Path, scene: Scene, *, known: bool = True) -> None:
    """Write a gate that thinks of every question alike, and the ladder of the scene's model.

    An answer that is certain is right with 99 %, one that is not with 7 %, whatever the rung.
    """
    head = scene.model.name
    chances = [math.log(chance / (1 - chance)) for chance in CHANCES]
    arrays = {
        **member("0", offsets=[*chances, *(math.log1p(each) for each in TOKENS)]),
        "known": ([float(known)] * BUCKETS, (BUCKETS,)),
        "evidence": ([5.0, 0.0, 8.0] * len(RUNGS), (len(RUNGS), 3)),
    }
    write_arrays(directory / f"{head}.safetensors", arrays, {"rungs": " ".join(RUNGS)})
    rungs = [
        {"name": name, "model": model, "mode": name.partition("-")[0], "most_tokens": most}
        for name, model, most in zip(RUNGS, models_of(scene), MOST, strict=True)
    ]
    ladder = {"model": head, "rungs": rungs, "safe": "direct-20", "familiar_ppm": 500_000}
    (directory / f"{head}.json").write_text(json.dumps(ladder))


def models_of(scene: Scene) -> tuple[str, str, str]:
    """Return the names of the models of the rungs."""
    return f"{scene.model.name}-10", f"{scene.model.name}-20", scene.model.name


def add_tiers(scene: Scene) -> None:
    """List the two smaller tiers in the class of the model, and have its providers serve all three."""
    full = smollm_card(scene.model.name)
    for layers in (10, 20):
        card = msgspec.structs.replace(full, model=f"{full.model}-{layers}", layers=layers)
        model = CatalogueModel.objects.create(
            name=card.model,
            revision="r1",
            precision="bf16",
            card_hash=card.card_hash,
            card=card.to_payload(),
            compute_class=scene.model.compute_class,
            context_tokens=256,
            directory=scene.model.directory,
            licence="apache-2.0",
        )
        for agent in scene.agents:
            ProviderModel.objects.create(provider=agent.provider, model=model, rate_ucu_per_s=1_000, slots=8)
    heartbeat(scene)


def heartbeat(scene: Scene, *, without: str = "") -> None:
    """Have all providers say that they serve the models, one of them perhaps not."""
    now = utc_now()
    for agent in scene.agents:
        states = [
            wire.ModelState(
                model=name,
                card_hash=CatalogueModel.objects.get(name=name).card_hash,
                ready=name != without,
                logprobs=True,
            )
            for name in models_of(scene)
        ]
        sign = wire.Heartbeat(
            provider_id=public_id("provider", agent.provider.id),
            running=[],
            free_slots=8,
            draining=False,
            models=states,
            sent_at=rfc3339(now),
        )
        heartbeat_record(provider_id=agent.provider.id, heartbeat=sign, now=now)


class Answers:
    """Serves the buyer's jobs one after the other, each with the next of these answers.

    An answer is its text; None fails the job, which nobody covers; "…" at its end cuts it off.
    `asked` is where the served jobs' models go, `go` has to be fed before each further answer if it is there.
    """

    def __init__(self, scene: Scene, relay_url: str) -> None:
        """Serve nothing yet."""
        self.scene, self.relay_url = scene, relay_url
        self.asked: list[str] = []
        self.threads: list[threading.Thread] = []
        self.go: SimpleQueue[None] | None = None

    def serve(self, *answers: str | None) -> threading.Thread:
        """Start serving so many jobs, in a thread."""
        thread = threading.Thread(target=self._run, args=(answers,), daemon=True)
        thread.start()
        self.threads.append(thread)
        return thread

    def _run(self, answers: tuple[str | None, ...]) -> None:
        try:
            for answer in answers:
                if self.go is not None:
                    self.go.get(timeout=30)
                self._serve(answer)
        finally:
            connections.close_all()  # this thread's own

    def _serve(self, answer: str | None) -> None:
        open_jobs = Job.objects.filter(organisation=self.scene.buyer, ended_at__isnull=True)
        eventually(lambda: open_jobs.filter(state__in=[Job.State.QUEUED, Job.State.LEASED]).exists())
        job = open_jobs.get()
        self.asked.append(job.model_id)
        job_dispatch(job_id=job.id, now=utc_now())
        (lease,) = self.scene.agents[0].claim(now=utc_now())
        lines = self._lines(lease, answer)
        response = httpx.post(
            f"{self.relay_url}/relay/v1/leases/{lease.lease_id}/upload",
            content=b"".join(lines),
            headers={"Authorization": f"Bearer {lease.relay_token}"},
            timeout=30,
        )
        assert response.status_code == 200, response.text
        job_id = parse_public_id("job", lease.job_id)
        assert job_id is not None
        if answer is None:
            self._refund(job)
        else:
            job_settle(job_id=job_id, now=utc_now())

    def _refund(self, job: Job) -> None:
        """Have the cover for a job that was let down find nothing."""
        from exchange.models import Cover

        Cover.objects.filter(job_id=job.id).update(state=Cover.State.RETURNED)
        job_dispatch(job_id=job.id, now=utc_now())

    def _lines(self, lease: wire.Lease, answer: str | None) -> list[bytes]:
        if answer is None:
            return [msgspec.json.encode(wire.FailedLine(code="engine_died", message="")) + b"\n"]
        reason: FinishReason = "length" if answer.endswith("…") else "stop"
        ids = load_tokenizer(self.scene.model.directory).text_ids(answer.removesuffix("…"))
        finished = self.scene.agents[0].finished(lease, ids, reason)
        return [msgspec.json.encode(line) + b"\n" for line in (told(ids, lease), finished)]


def ask(client: openai.OpenAI, scene: Scene, **asked):
    """Ask `hello` of the scene's ladder; for half a chance of being right, if nothing else is asked."""
    extra = {name: asked.pop(name) for name in ("quality", "value_usd", "max_compute_ucu") if name in asked}
    return client.chat.completions.create(
        model=scene.model.name, messages=HELLO, extra_body=extra or {"quality": 0.5}, **asked
    )


def jobs(scene: Scene) -> list[Job]:
    """Return the buyer's jobs, the oldest first."""
    return list(Job.objects.filter(organisation=scene.buyer).order_by("id"))


def assert_balanced(scene: Scene) -> AdaptiveRequest:
    """Hold what must hold of every request that is over, and return it."""
    request = AdaptiveRequest.objects.get(organisation=scene.buyer)
    made = jobs(scene)
    used = sum(job.compute_ucu for job in made)
    assert used <= request.quote_ucu
    assert request.used_ucu == used
    assert all(job.ended_at is not None for job in made)
    assert not Reservation.objects.filter(job__in=made, active=True).exists()
    return request
