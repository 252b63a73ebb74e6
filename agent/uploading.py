"""A streamed upload that hears its answer at any time.

HTTP clients send a whole request before they look for the answer. An upload here grows as slowly as tokens
come, and a relay that wants no more of it answers at once: sending and listening go on side by side.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from urllib.parse import SplitResult, urlsplit

import h11

CONNECT_S = 5.0
ANSWER_S = 30.0
"""How long the answer may take once the last line is sent."""
BROKEN_S = 1.0
ANSWER_BYTES_MAX = 65_536
READ_BYTES = 65_536
HTTPS_PORT = 443
HTTP_PORT = 80


class UploadBrokenError(Exception):
    """There is no answer: the other side was not reached, broke off, or took too long."""


async def send_lines(url: str, *, token: str, lines: AsyncIterator[bytes]) -> tuple[int, bytes]:
    """POST `lines` to `url` as a chunked NDJSON body; return status and body of the answer.

    Returns as soon as there is an answer, however much of the lines is left. Raises UploadBrokenError.
    """
    parts = urlsplit(url)
    try:
        reader, writer = await _connect(parts)
        try:
            return await _exchange(reader, writer, parts, token, lines)
        finally:
            writer.close()
    except (OSError, h11.ProtocolError, TimeoutError) as error:
        raise UploadBrokenError(f"{parts.netloc}: {error or type(error).__name__}") from error


async def _connect(parts: SplitResult) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    secure = parts.scheme == "https"
    async with asyncio.timeout(CONNECT_S):
        return await asyncio.open_connection(
            parts.hostname,
            parts.port or (HTTPS_PORT if secure else HTTP_PORT),
            ssl=ssl.create_default_context() if secure else None,
        )


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    parts: SplitResult,
    token: str,
    lines: AsyncIterator[bytes],
) -> tuple[int, bytes]:
    wire = h11.Connection(h11.CLIENT)
    sending = asyncio.create_task(_send(writer, wire, parts, token, lines))
    answering = asyncio.create_task(_answer(reader, wire))
    try:
        await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
        broken = sending.exception() if sending.done() else None
        # Where sending broke, an answer may have come before, and counts.
        await asyncio.wait({answering}, timeout=BROKEN_S if broken else ANSWER_S)
        if answering.done():
            return answering.result()
        raise broken or TimeoutError(f"no answer within {ANSWER_S:g} s")
    finally:
        sending.cancel()
        answering.cancel()
        await asyncio.gather(sending, answering, return_exceptions=True)


async def _send(
    writer: asyncio.StreamWriter,
    wire: h11.Connection,
    parts: SplitResult,
    token: str,
    lines: AsyncIterator[bytes],
) -> None:
    async def write(event: h11.Event) -> None:
        writer.write(wire.send(event) or b"")
        await writer.drain()

    headers = [
        ("Host", parts.netloc),
        ("Authorization", f"Bearer {token}"),
        ("Content-Type", "application/x-ndjson"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
    ]
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    await write(h11.Request(method="POST", target=target, headers=headers))
    async for line in lines:
        await write(h11.Data(data=line))
    await write(h11.EndOfMessage())


async def _answer(reader: asyncio.StreamReader, wire: h11.Connection) -> tuple[int, bytes]:
    status, body = 0, b""
    while True:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            wire.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > ANSWER_BYTES_MAX:
                raise h11.RemoteProtocolError("the answer is too long")
        elif isinstance(event, h11.EndOfMessage):
            return status, body
        elif not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError(f"no answer: {event!r}")
