"""The relay: tokens go from the agent's upload through here to the gateway, past broker and database.

A process of its own, reached by agents at `settings.RELAY_URL`. It holds nothing that cannot be had again:
after a restart the agents upload from their logs.
"""

import hmac
import uuid
from collections.abc import AsyncIterator
from typing import Final

from django.conf import settings

from api.application import Application
from api.auth import bearer_secret
from api.health import healthz
from api.http import NDJSON, Receive, Request, Response, Scope, Send, Stream, json_response
from api.relay_channels import Channel, Channels
from api.relay_upload import Body, Upload
from api.routing import Route
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from core.threads import in_thread
from cux.wire.agent import UploadResult
from inference.relay_stream import End, Idle, Tokens, encode_line
from inference.services.relay_open import relay_open

IDLE_S: Final = 1.0
BODY_LIMIT: Final = 64 * 1024 * 1024
"""No answer comes near this; what bounds memory is the line limit and the lease's `max_tokens`."""
CHUNK_TOKENS: Final = 4096
_CHANNELS = Channels()


async def upload(request: Request) -> Response:
    """Take an agent's upload: NDJSON of `UploadLine`, authorised by the lease's own token."""
    lease_id = parse_public_id("lease", request.params["lease_id"])
    secret = bearer_secret(request.header("authorization"))
    if lease_id is None or secret is None:
        raise CuxError(Code.INVALID_API_KEY, "Send the lease's token.")
    opened = await in_thread(relay_open, lease_id=lease_id, token=secret, now=utc_now())
    body = Body(request.receive)
    if isinstance(opened, UploadResult):
        result = opened
    else:
        with _CHANNELS.use(opened.job_id) as channel:
            result = await Upload(opened, channel).run(body)
    await body.drain()
    return json_response(result)


async def stream(request: Request) -> Stream:
    """Stream a job's token ids to a gateway, from the one numbered `after` on.

    With `lease`: once that lease delivers, and only as long as no other does.
    """
    secret = bearer_secret(request.header("authorization")) or ""
    if not hmac.compare_digest(secret.encode(), settings.RELAY_INTERNAL_TOKEN.encode()):
        raise CuxError(Code.INVALID_API_KEY)
    try:
        job_id, after = uuid.UUID(request.params["job_id"]), int(request.query.get("after", "0"))
        lease_id = uuid.UUID(request.query["lease"]) if "lease" in request.query else None
    except ValueError as error:
        raise CuxError(Code.INVALID_FIELD, "Expected a job id, a position and perhaps a lease id.") from error
    await request.body()
    return Stream(_follow(job_id, max(0, after), lease_id), content_type=NDJSON)


async def _follow(job_id: uuid.UUID, at: int, wanted: uuid.UUID | None) -> AsyncIterator[bytes]:
    with _CHANNELS.use(job_id) as channel:
        while True:
            following = channel.lease_id
            if wanted in (None, following):
                for line in _next(channel, at):
                    at += len(line.ids)
                    yield encode_line(line)
                if channel.ended:
                    yield encode_line(End())
                    return
            known = len(channel.ids)
            await channel.wait(IDLE_S)
            if channel.lease_id not in (following, wanted) and following is not None:
                yield encode_line(Idle())  # another lease goes on; the reader looks from where
                return
            if len(channel.ids) == known and channel.lease_id == following and not channel.ended:
                yield encode_line(Idle())


def _next(channel: Channel, at: int) -> list[Tokens]:
    if channel.lease_id is None:
        return []
    width = channel.row_width
    starts = range(at, len(channel.ids), CHUNK_TOKENS)
    return [
        Tokens(
            lease_id=channel.lease_id,
            ids=channel.ids[start : start + CHUNK_TOKENS].tolist(),
            rows=channel.rows[start * width : (start + CHUNK_TOKENS) * width].tolist() if width else [],
        )
        for start in starts
    ]


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise CuxError(Code.NOT_FOUND)


ROUTES: Final = (
    Route("/healthz", {"GET": healthz}),
    Route("/relay/v1/leases/{lease_id}/upload", {"POST": upload}),
    Route("/relay/internal/jobs/{job_id}/stream", {"GET": stream}),
)
application = Application(ROUTES, _nothing, body_limit=BODY_LIMIT)
