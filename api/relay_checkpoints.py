"""Checkpoints of many uploads at once: while some are written down, the next ones gather."""

import asyncio
import uuid
from typing import Final

import structlog
from django.db import Error as DatabaseError

from core.clock import utc_now
from core.threads import in_thread
from inference.services.relay_checkpoint import Counted, relay_checkpoints

log = structlog.get_logger(__name__)


class Checkpoints:
    """What this relay's uploads want written down, in one transaction at a time."""

    def __init__(self) -> None:
        """Start with nothing to write."""
        self._counts: dict[uuid.UUID, Counted] = {}
        self._told: list[asyncio.Future[set[uuid.UUID]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, lease_id: uuid.UUID, counted: Counted) -> bool:
        """Have what was counted of the lease kept; False if it may not deliver any more.

        Where the row is somebody else's at the moment, or the database is away, the next checkpoint holds
        these tokens too: the stream goes on.
        """
        told = asyncio.get_running_loop().create_future()
        self._counts[lease_id] = counted
        self._told.append(told)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return lease_id not in await told

    async def _write_all(self) -> None:
        while self._counts:
            counts, told = self._counts, self._told
            self._counts, self._told = {}, []
            over = await self._write(counts)
            for each in told:
                if not each.done():  # who asked may have left
                    each.set_result(over)
        self._writing = None

    async def _write(self, counts: dict[uuid.UUID, Counted]) -> set[uuid.UUID]:
        try:
            return await in_thread(relay_checkpoints, counts=counts, now=utc_now())
        except DatabaseError as error:
            log.warning("checkpoints_failed", leases=len(counts), error=str(error))
            return set()


CHECKPOINTS: Final = Checkpoints()
