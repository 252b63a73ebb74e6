"""A provider that answers as the test tells it, over the real relay."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue

import httpx
import msgspec
from django.db import connections

from core.clock import utc_now
from core.ids import parse_public_id
from cux.wire import agent as wire
from cux.wire.receipt import FinishReason
from inference.engines.tokenizer import load_tokenizer
from inference.models import Job
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.integration.inference.scene import Agent, Scene
from tests.waiting import eventually


def told(ids: list[int], lease: wire.Lease) -> wire.TokensLine:
    """Return a line of tokens, with likelihoods if the lease asks: the likeliest ids are 0, 1, and so on.

    Each is as unlikely as its id says, in hundredths of a nat.
    """
    if not lease.logprobs:
        return wire.TokensLine(ids=ids)
    likeliest = [(token, token * 10_000) for token in range(lease.top_logprobs)]
    return wire.TokensLine(
        ids=ids,
        logprobs=[token * 10_000 for token in ids],
        top_logprobs=[likeliest] * len(ids) if likeliest else [],
    )


@dataclass
class ScriptedProvider:
    """Serves one job of the scene's buyer: each text put in `say` is sent at once; None ends the answer."""

    scene: Scene
    relay_url: str
    say: SimpleQueue[str | None] = field(default_factory=SimpleQueue)
    fails: bool = False
    ends_with: FinishReason = "stop"
    _said: list[int] = field(default_factory=list)

    def serve(self) -> threading.Thread:
        """Start serving the next job, in a thread."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        return thread

    @property
    def _agent(self) -> Agent:
        return self.scene.agents[0]

    def _waiting(self) -> list[Job]:
        """Return the buyer's jobs that nobody has claimed; a chat's is leased as soon as it is made."""
        states = [Job.State.QUEUED, Job.State.LEASED]
        return list(Job.objects.filter(organisation=self.scene.buyer, state__in=states))

    def _run(self) -> None:
        try:
            self._serve()
        finally:
            connections.close_all()  # this thread's own

    def _serve(self) -> None:
        eventually(self._waiting)
        (job,) = self._waiting()
        job_dispatch(job_id=job.id, now=utc_now())
        (lease,) = self._agent.claim(now=utc_now())
        answer = httpx.post(
            f"{self.relay_url}/relay/v1/leases/{lease.lease_id}/upload",
            content=self._lines(lease),
            headers={"Authorization": f"Bearer {lease.relay_token}"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        job_id = parse_public_id("job", lease.job_id)
        assert job_id is not None
        if not self.fails:
            job_settle(job_id=job_id, now=utc_now())

    def _lines(self, lease: wire.Lease) -> Iterator[bytes]:
        tokenizer = load_tokenizer(self.scene.model.directory)
        while (text := self.say.get(timeout=30)) is not None:
            ids = tokenizer.text_ids(text)
            self._said += ids
            yield msgspec.json.encode(told(ids, lease)) + b"\n"
        if self.fails:
            yield msgspec.json.encode(wire.FailedLine(code="engine_died", message="")) + b"\n"
        else:
            yield msgspec.json.encode(self._agent.finished(lease, self._said, self.ends_with)) + b"\n"
