"""Jobs under way for the relay to carry: made by the services, claimed by a provider whose agent we are."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from django.conf import settings

from benchmarks.gateway_load import TOKEN
from core.clock import utc_now
from core.threads import in_thread
from cux.wire.agent import Lease
from inference.models import CatalogueModel, Job, ProviderModel, Receipt
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.integration.inference.scene import Agent, make_scene


@dataclass(frozen=True)
class Streams:
    """Claimed leases of one provider, each to answer with so many tokens."""

    jobs: list[Job]
    agent: Agent
    leases: list[Lease]
    tokens: int

    def reads(self) -> Iterator[tuple[str, str]]:
        """Give path and headers of each reader's request."""
        for job in self.jobs:
            secret = settings.RELAY_INTERNAL_TOKEN
            yield f"/relay/internal/jobs/{job.id}/stream?after=0", f"Authorization: Bearer {secret}\r\n"

    def uploads(self) -> Iterator[tuple[str, str]]:
        """Give path and headers of each upload."""
        for lease in self.leases:
            path = f"/relay/v1/leases/{lease.lease_id}/upload"
            yield path, f"Authorization: Bearer {lease.relay_token}\r\nConnection: close\r\n"

    def endings(self) -> list[bytes]:
        """Return each upload's last line: what the provider signs."""
        ids = [TOKEN] * self.tokens
        ends = (self.agent.finished(lease, ids, "length") for lease in self.leases)
        return [msgspec.json.encode(end) + b"\n" for end in ends]

    async def all_open(self) -> None:
        """Return once the relay has opened every upload."""
        async with asyncio.timeout(60):
            while await in_thread(self._opened) < len(self.jobs):  # noqa: ASYNC110 (rows are looked at)
                await asyncio.sleep(0.05)

    def _opened(self) -> int:
        return Job.objects.filter(id__in=[job.id for job in self.jobs], state=Job.State.STREAMING).count()

    def settle_all(self) -> None:
        """Settle every job, and see that each has its receipt over every token."""
        for job in self.jobs:
            settled = job_settle(job_id=job.id, now=utc_now())
            assert settled.output_tokens == self.tokens, settled.output_tokens
        assert Receipt.objects.filter(job__in=self.jobs).count() == len(self.jobs)


def make_streams(count: int, *, tokens: int) -> Streams:
    """Make so many jobs and have them claimed."""
    scene = make_scene(Path(tempfile.mkdtemp()), quantity_ucu=100 * count * tokens)
    CatalogueModel.objects.filter(name=scene.model.name).update(context_tokens=2 * tokens)
    ProviderModel.objects.update(slots=2 * count)
    jobs = [scene.create(now=utc_now(), max_tokens=tokens) for _ in range(count)]
    for job in jobs:
        job_dispatch(job_id=job.id, now=utc_now())
    (provider,) = scene.agents
    leases = provider.claim(now=utc_now(), free_slots=count)
    assert len(leases) == count, len(leases)
    return Streams(jobs, provider, leases, tokens)
