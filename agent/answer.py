"""A lease's answer as it grows: token ids and how it ended, mirrored in the agent's log, line by line.

The log (`<state>/wal/<lease_id>.ndjson`) is written before anything is uploaded. Its first line is what a
restarted agent needs to deliver the rest again. Lines are handed to the kernel as they come, so they survive
the end of the process, however it ends; they are not forced to disk, so a host that loses power loses answers
in flight, and their jobs move on.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec

from cux.wire.agent import FailedLine, FinishedLine, Lease, TokensLine, UploadLine

GATHER_S = 0.02
"""How long tokens are gathered into one line, at most."""
IDS_PER_LINE = 65_536
TOLD_PER_LINE = 1_024
"""As many where each comes with its likelihoods: a line is at most 1 MiB."""

EndLine = FinishedLine | FailedLine


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Where the answer goes: what a new upload of it needs, and no prompt."""

    lease_id: str
    relay_url: str
    relay_token: str
    deadline: str


class Answer:
    """The tokens of one lease, appended by the engine's task, read by the upload's."""

    def __init__(self, delivery: Delivery, path: Path) -> None:
        self.delivery = delivery
        self.ids: list[int] = []
        self.logprobs: list[int] = []
        self.top_logprobs: list[list[tuple[int, int]]] = []
        self.end: EndLine | None = None
        self._path = path
        self._log: int | None = None
        self._changed = asyncio.Event()

    @classmethod
    def begin(cls, lease: Lease, directory: Path) -> "Answer":
        """Start the answer of `lease` with a log in `directory`; a log left from before is replaced."""
        delivery = Delivery(
            lease_id=lease.lease_id,
            relay_url=lease.relay_url,
            relay_token=lease.relay_token,
            deadline=lease.deadline,
        )
        answer = cls(delivery, directory / f"{lease.lease_id}.ndjson")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        answer._log = os.open(answer._path, flags, 0o600)
        answer._record(delivery)
        return answer

    def append(
        self,
        ids: list[int],
        logprobs: Sequence[int] = (),
        top_logprobs: Sequence[list[tuple[int, int]]] = (),
    ) -> None:
        """Add token ids in order, with their likelihoods where the lease asks for them."""
        line = TokensLine(ids=ids, logprobs=list(logprobs), top_logprobs=list(top_logprobs))
        self._record(line)
        self._add(line)
        self._changed.set()

    def finish(self, end: EndLine) -> None:
        """Set how the answer ended; it can not grow any more."""
        self._record(end)
        self.end = end
        self._changed.set()

    def close(self, *, delivered: bool) -> None:
        """Let go of the log; delete it if nothing is left to deliver."""
        if self._log is not None:
            os.close(self._log)
            self._log = None
        if delivered:
            self._path.unlink(missing_ok=True)

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the whole answer from token 0 as upload lines: at once what is there, then as it grows."""
        sent = 0
        while True:
            self._changed.clear()
            if sent < len(self.ids):
                batch = self._batch(sent)
                sent += len(batch.ids)
                yield _encode(batch)
                if self.end is None:
                    await asyncio.sleep(GATHER_S)
            elif self.end is not None:
                yield _encode(self.end)
                return
            else:
                await self._changed.wait()

    def _add(self, line: TokensLine) -> None:
        self.ids += line.ids
        self.logprobs += line.logprobs
        self.top_logprobs += line.top_logprobs

    def _batch(self, sent: int) -> TokensLine:
        part = slice(sent, sent + (TOLD_PER_LINE if self.logprobs else IDS_PER_LINE))
        return TokensLine(
            ids=self.ids[part], logprobs=self.logprobs[part], top_logprobs=self.top_logprobs[part]
        )

    def _record(self, line: msgspec.Struct) -> None:
        if self._log is None:
            raise ValueError(f"the log of {self.delivery.lease_id} is closed")
        os.write(self._log, _encode(line))


def replay(directory: Path) -> Iterator[Answer]:
    """Yield the answers whose logs an earlier run left in `directory`; those with an `end` are whole.

    A log cut off in its first line, before anything could be uploaded, is deleted.
    """
    for path in sorted(directory.glob("*.ndjson")):
        answer = _read(path)
        if answer is None:
            path.unlink()
        else:
            yield answer


def _read(path: Path) -> Answer | None:
    # What follows the last line feed was cut off while it was written.
    first, *rest = path.read_bytes().split(b"\n")[:-1] or [b""]
    try:
        answer = Answer(msgspec.json.decode(first, type=Delivery), path)
        lines = [msgspec.json.decode(line, type=UploadLine) for line in rest]
    except msgspec.MsgspecError:
        return None
    for line in lines:
        if isinstance(line, TokensLine):
            answer._add(line)
        else:
            answer.end = line
    return answer


def _encode(line: msgspec.Struct) -> bytes:
    return msgspec.json.encode(line) + b"\n"
