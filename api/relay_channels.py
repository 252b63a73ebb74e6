"""The relay's memory: of each streaming job, the token ids counted so far, and who waits for more.

An upload appends and never waits for a reader; a reader takes what is there at its own pace. A channel
holds at most a lease's `max_tokens` ids, and goes away once nobody uses it.
"""

import asyncio
import contextlib
import uuid
from array import array
from collections.abc import Iterator, Sequence
from typing import Final

LINGER_S: Final = 30.0


class AnswerChanged(ValueError):
    """An upload of a lease differs from an earlier one of the same lease."""


class LeaseSuperseded(Exception):
    """The channel belongs to a later lease of the job by now."""


class Channel:
    """One job's answer as it comes in. `ended` is set once the answer is written down."""

    def __init__(self) -> None:
        """Start without a lease."""
        self.lease_id: uuid.UUID | None = None
        self._epoch = 0
        self.ids = array("I")
        self.ended = False
        self.users = 0
        self._changed = asyncio.Event()

    def begin(self, lease_id: uuid.UUID, epoch: int, known_ids: Sequence[int]) -> None:
        """Take the lease on if it is a later one than before; the ids of an earlier one go.

        The earlier one had delivered none, or the job were over.
        """
        if epoch > self._epoch:
            self.lease_id, self._epoch = lease_id, epoch
            self.ids = array("I", known_ids)
            self._wake()

    def put(self, lease_id: uuid.UUID, at: int, ids: Sequence[int]) -> int:
        """Take ids of a lease that begin at position `at`; return the position after them.

        Raises:
            LeaseSuperseded: a later lease has begun; its answer is nobody else's to write.
            AnswerChanged: ids that are here already, sent again, are others now.
        """
        if lease_id != self.lease_id:
            raise LeaseSuperseded
        known = min(len(ids), len(self.ids) - at)
        if self.ids[at : at + known] != array("I", ids[:known]):
            raise AnswerChanged("The upload differs from the one before it")
        if known < len(ids):
            self.ids.extend(ids[known:])
            self._wake()
        return at + len(ids)

    def end(self) -> None:
        """Tell the readers that the answer is complete."""
        self.ended = True
        self._wake()

    async def wait(self, timeout_s: float) -> None:
        """Return at the next change, or when the time is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout_s)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Channels:
    """All channels of this relay, by job."""

    def __init__(self, linger_s: float = LINGER_S) -> None:
        """Keep an unused channel for `linger_s`: its reader or its agent may come back."""
        self._linger_s = linger_s
        self._channels: dict[uuid.UUID, Channel] = {}

    def __len__(self) -> int:
        """Return how many channels there are."""
        return len(self._channels)

    @contextlib.contextmanager
    def use(self, job_id: uuid.UUID) -> Iterator[Channel]:
        """Yield the job's channel, made if need be; it stays at least until everybody has left."""
        channel = self._channels.setdefault(job_id, Channel())
        channel.users += 1
        try:
            yield channel
        finally:
            channel.users -= 1
            if channel.users == 0:
                asyncio.get_running_loop().call_later(self._linger_s, self._drop, job_id, channel)

    def _drop(self, job_id: uuid.UUID, channel: Channel) -> None:
        if channel.users == 0 and self._channels.get(job_id) is channel:
            del self._channels[job_id]
