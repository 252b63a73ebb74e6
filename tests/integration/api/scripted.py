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

    def _queued(self) -> list[Job]:
        return list(Job.objects.filter(organisation=self.scene.buyer, state=Job.State.QUEUED))

    def _run(self) -> None:
        try:
            self._serve()
        finally:
            connections.close_all()  # this thread's own

    def _serve(self) -> None:
        eventually(self._queued)
        (job,) = self._queued()
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
            yield msgspec.json.encode(wire.TokensLine(ids=ids)) + b"\n"
        if self.fails:
            yield msgspec.json.encode(wire.FailedLine(code="engine_died", message="")) + b"\n"
        else:
            yield msgspec.json.encode(self._agent.finished(lease, self._said, self.ends_with)) + b"\n"
