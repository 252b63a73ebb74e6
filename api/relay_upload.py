"""One upload: lines of token ids in, counted, handed to the readers, written down every second."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import msgspec
import structlog
from django.db import Error as DatabaseError

from api.http import Disconnected, Receive
from api.relay_channels import AnswerChanged, Channel, LeaseSuperseded
from api.relay_checkpoints import CHECKPOINTS
from core.clock import utc_now
from core.threads import in_thread
from cux.wire.agent import FailedLine, FinishedLine, TokensLine, UploadLine, UploadResult
from inference.likelihoods import rows_of
from inference.services.lease_fail import lease_fail
from inference.services.relay_checkpoint import Counted, relay_checkpoint, relay_deliver
from inference.services.relay_open import Opened

log = structlog.get_logger(__name__)

LINE_LIMIT: Final = 1024 * 1024
CHECKPOINT_S: Final = 1.0
DRAIN_S: Final = 10.0
_decoder: Final[msgspec.json.Decoder[UploadLine]] = msgspec.json.Decoder(UploadLine)


class UploadRefused(ValueError):
    """What the provider sends cannot be an answer; the message is the reason kept on the lease."""


class Body:
    """A request's body as it arrives, which can be read to its end before an early answer.

    A server that answers and closes while the caller is still sending resets the connection, and the
    caller may never see the answer.
    """

    def __init__(self, receive: Receive) -> None:
        """Start before the first byte."""
        self._receive = receive
        self._ended = False

    async def next(self) -> tuple[bytes, bool]:
        """Return the next bytes, and whether more will come.

        Raises:
            Disconnected: the body broke off.
        """
        message = await self._receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
        self._ended = not more
        if message["type"] == "http.disconnect":
            raise Disconnected
        return message.get("body", b""), more

    async def drain(self) -> None:
        """Read and forget what is still coming, for `DRAIN_S` at most."""
        with contextlib.suppress(TimeoutError, Disconnected):
            async with asyncio.timeout(DRAIN_S):
                while not self._ended:
                    await self.next()


async def lines(body: Body) -> AsyncIterator[UploadLine]:
    """Yield the lines of a request body as they arrive.

    Raises:
        Disconnected: the body broke off.
        UploadRefused: a line is too long or not a message.
    """
    buffer = bytearray()
    while True:
        chunk, more = await body.next()
        buffer += chunk
        if len(buffer) <= LINE_LIMIT and more and b"\n" not in chunk:
            continue
        *complete, rest = bytes(buffer).split(b"\n")
        for text in complete if more else [*complete, rest]:
            if len(text) > LINE_LIMIT:
                raise UploadRefused("line_too_long")
            if text:
                yield _parse(text)
        if not more:
            raise UploadRefused("no_last_line")
        buffer = bytearray(rest)
        if len(buffer) > LINE_LIMIT:
            raise UploadRefused("line_too_long")


class Upload:
    """One attempt to deliver a lease's answer, on the job's channel."""

    def __init__(self, opened: Opened, channel: Channel) -> None:
        """Continue from what was counted before, here or by another relay."""
        self._opened = opened
        self._channel = channel
        self._first = len(opened.prefix_ids)
        self._at = 0
        channel.begin(
            opened.lease_id,
            opened.epoch,
            opened.prefix_ids + opened.known_ids,
            row_width=opened.row_width,
            rows=opened.rows,
        )

    async def run(self, body: Body) -> UploadResult:
        """Take the whole body and say what became of it.

        Raises:
            Disconnected: the body broke off; the lease waits for the next upload.
        """
        keeper = asyncio.create_task(self._keep())
        reader = asyncio.create_task(self._read(body))
        try:
            await asyncio.wait({keeper, reader}, return_when=asyncio.FIRST_COMPLETED)
            if not reader.done():
                keeper.result()  # ended by itself: the lease is superseded, or this raises
                return UploadResult(status="superseded", output_tokens=0)
            await self._stop(keeper)
            return await self._finish(reader.result())
        except LeaseSuperseded:
            return UploadResult(status="superseded", output_tokens=0)
        except Disconnected:
            await self._write_down()
            raise
        except UploadRefused as refusal:
            await self._write_down()
            await self._fail(str(refusal), "")
            return UploadResult(status="superseded", output_tokens=0)
        finally:
            await self._stop(keeper, reader)

    async def _read(self, body: Body) -> FinishedLine | FailedLine:
        async for line in lines(body):
            if not isinstance(line, TokensLine):
                return line
            self._take(line)
        raise AssertionError("lines() ends by a last line or by raising")

    def _take(self, line: TokensLine) -> None:
        ids, rows = line.ids, self._rows_of(line)
        if self._at + len(ids) > self._opened.max_tokens:
            raise UploadRefused("too_many_tokens")
        if max(ids) >= self._opened.vocabulary:
            raise UploadRefused("unknown_token")
        try:
            end = self._channel.put(self._opened.lease_id, self._first + self._at, ids, rows)
        except AnswerChanged as error:
            raise UploadRefused("answer_changed") from error
        self._at = end - self._first

    def _rows_of(self, line: TokensLine) -> list[int]:
        """Return the likelihoods that come with a line; none where the lease asks for none."""
        if not self._opened.row_width:
            return []
        try:
            return rows_of(line.ids, line.logprobs, line.top_logprobs, width=self._opened.row_width)
        except ValueError as error:
            raise UploadRefused("likelihoods_missing") from error

    def _counted(self) -> Counted:
        """Return what this lease has delivered."""
        channel = self._channel
        rows = channel.rows[self._first * channel.row_width :].tolist() if channel.row_width else ()
        return Counted(channel.ids[self._first :].tolist(), rows)

    async def _write_down(self) -> None:
        """Write a last checkpoint: the caller may have seen these tokens, another lease goes on from them."""
        if self._channel.lease_id == self._opened.lease_id and (counted := self._counted()).ids:
            await self._checkpoint(counted)

    async def _finish(self, last: FinishedLine | FailedLine) -> UploadResult:
        if self._channel.lease_id != self._opened.lease_id:
            raise LeaseSuperseded
        counted = self._counted()
        ids = counted.ids
        if isinstance(last, FailedLine):
            await self._write_down()
            ended = await self._fail(last.code, last.message)
            return UploadResult(status="accepted" if ended else "superseded", output_tokens=len(ids))
        if self._at != len(ids):
            raise UploadRefused("answer_changed")
        result = await in_thread(
            relay_deliver,
            lease_id=self._opened.lease_id,
            ids=ids,
            rows=counted.rows,
            finished=last,
            now=utc_now(),
        )
        if result.status == "accepted":
            self._channel.end()
        return result

    async def _keep(self) -> None:
        """Write a checkpoint at the first token and then every second; return if superseded."""
        written = len(self._opened.known_ids)
        while True:
            counted = self._counted()
            if len(counted.ids) == written:
                await self._channel.wait(CHECKPOINT_S)
                continue
            if not await CHECKPOINTS.write(self._opened.lease_id, counted):
                return
            written = len(counted.ids)
            await asyncio.sleep(CHECKPOINT_S)

    async def _checkpoint(self, counted: Counted) -> bool:
        try:
            return await in_thread(
                relay_checkpoint,
                lease_id=self._opened.lease_id,
                ids=counted.ids,
                rows=counted.rows,
                now=utc_now(),
            )
        except DatabaseError as error:  # the stream goes on; the next checkpoint holds these tokens too
            log.warning("checkpoint_failed", lease_id=str(self._opened.lease_id), error=str(error))
            return True

    async def _fail(self, reason: str, detail: str) -> bool:
        return await in_thread(
            lease_fail,
            lease_id=self._opened.lease_id,
            provider_id=self._opened.provider_id,
            reason=reason,
            detail=detail,
            now=utc_now(),
        )

    @staticmethod
    async def _stop(*tasks: asyncio.Task[object]) -> None:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


def _parse(text: bytes) -> UploadLine:
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise UploadRefused("malformed_line") from error
