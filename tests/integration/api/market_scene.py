"""A scene that trades: providers offer their capacity, and the buyer has money and no compute."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from django.db import connections

from core.clock import utc_now
from core.ids import parse_public_id
from cux.wire import agent as wire
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Fund, NewOrder, SetCapacity
from inference.models import Job
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.integration.inference.scene import Agent, Scene
from tests.sequencer_market import put_in_transit
from tests.waiting import eventually


def fund(scene: Scene, amount_nano_usd: int) -> None:
    """Put money into the buyer's wallet."""
    put_in_transit(scene.buyer, amount_nano_usd)
    assert submit_sync(Fund(scene.buyer.id, amount_nano_usd, "funds")).status == 200


def offer(scene: Scene, seller: Agent, price: int, lots: int) -> None:
    """Have a provider offer capacity that it has."""
    capacity = SetCapacity(seller.organisation_id, scene.instrument.compute_class_id, 1_000_000, 1_000_000)
    assert submit_sync(capacity).status == 200
    placed = submit_sync(
        NewOrder(
            organisation_id=seller.organisation_id,
            instrument=scene.instrument.symbol,
            side="sell",
            price_ticks=price,
            quantity_lots=lots,
        )
    )
    assert placed.status == 201, placed.body


def buy(scene: Scene, price: int, lots: int, name: str) -> dict[str, Any]:
    """Have the buyer buy what there is now."""
    order = NewOrder(
        organisation_id=scene.buyer.id,
        instrument=scene.instrument.symbol,
        side="buy",
        tif="IOC",
        price_ticks=price,
        quantity_lots=lots,
        client_order_id=name,
    )
    return submit_sync(order).body


@dataclass
class Providers:
    """All providers of a scene: they answer one job after another, each with the next of the texts."""

    scene: Scene
    relay_url: str
    leases: list[wire.Lease] = field(default_factory=list)
    """Those that were served, as they were claimed."""

    def serve(self, *texts: str | None) -> threading.Thread:
        """Start to serve as many jobs as there are texts; for None a provider fails after its first token."""
        thread = threading.Thread(target=self._run, args=(texts,), daemon=True)
        thread.start()
        return thread

    def _run(self, texts: Sequence[str | None]) -> None:
        try:
            for text in texts:
                self._serve(text)
        finally:
            connections.close_all()  # this thread's own

    def _serve(self, text: str | None) -> None:
        claimed: list[tuple[Agent, wire.Lease]] = []

        def claims() -> bool:
            claimed.extend(self._claim())
            return bool(claimed)

        eventually(claims, within_s=20)
        ((seller, lease),) = claimed
        self.leases.append(lease)
        ids = self.scene.text_ids(text or "x")
        lines: list[wire.UploadLine] = [wire.TokensLine(ids=ids)]
        failed = wire.FailedLine(code="engine_died", message="")
        lines.append(seller.finished(lease, ids) if text else failed)
        answer = httpx.post(
            f"{self.relay_url}/relay/v1/leases/{lease.lease_id}/upload",
            content=b"".join(msgspec.json.encode(line) + b"\n" for line in lines),
            headers={"Authorization": f"Bearer {lease.relay_token}"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        job_id = parse_public_id("job", lease.job_id)
        assert job_id is not None
        job_settle(job_id=job_id, now=utc_now())

    def _claim(self) -> list[tuple[Agent, wire.Lease]]:
        for job_id in self._queued():
            job_dispatch(job_id=job_id, now=utc_now())
        for seller in self.scene.agents:
            for lease in seller.claim(now=utc_now(), free_slots=1):
                return [(seller, lease)]
        return []

    def _queued(self) -> list[uuid.UUID]:
        queued = Job.objects.filter(organisation=self.scene.buyer, state=Job.State.QUEUED)
        return list(queued.order_by("id").values_list("id", flat=True))
