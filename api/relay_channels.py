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
    """One job's answer as it comes in, from its first token on, whichever lease delivered that.

    `rows` are the likelihoods of the ids where the job asks for them, `row_width` numbers each
    (`inference.likelihoods`). `ended` is set once the answer is written down.
    """

    def __init__(self) -> None:
        """Start without a lease."""
        self.lease_id: uuid.UUID | None = None
        self._epoch = 0
        self.ids = array("I")
        self.rows = array("I")
        self.row_width = 0
        self.ended = False
        self.users = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def begin(
        self,
        lease_id: uuid.UUID,
        epoch: int,
        known_ids: Sequence[int],
        *,
        row_width: int = 0,
        rows: Sequence[int] = (),
    ) -> None:
        """Take the lease on if it is a later one than before, with the answer as it stood when it began.

        What an earlier one had beyond that goes: it is generated again.
        """
        if epoch > self._epoch:
            self.lease_id, self._epoch = lease_id, epoch
            self.ids, self.rows, self.row_width = array("I", known_ids), array("I", rows), row_width
            self._wake()

    def put(self, lease_id: uuid.UUID, at: int, ids: Sequence[int], rows: Sequence[int] = ()) -> int:
        """Take ids of a lease that begin at position `at`, and their rows; return the position after them.

        Of ids that are here already the likelihoods stay what they were.

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
            if rows:
                self.rows.extend(rows[known * self.row_width :])
            self._wake()
        return at + len(ids)

    def end(self) -> None:
        """Tell the readers that the answer is complete."""
        self.ended = True
        self._wake()

    async def wait(self, timeout_s: float) -> None:
        """Return at the next change, or when the time is over.

        Once a token and reader: a future and a timer, where `asyncio.wait_for` makes a task as well.
        """
        loop = asyncio.get_running_loop()
        changed = loop.create_future()
        self._waiting.add(changed)
        timer = loop.call_later(timeout_s, _release, changed)
        try:
            await changed
        finally:
            timer.cancel()
            self._waiting.discard(changed)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for changed in waiting:
            _release(changed)


def _release(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


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
