"""Is the process alive, is everything it needs there, and the figures of both."""

import asyncio
from collections.abc import Awaitable

import structlog
from django.conf import settings
from django.db import connection
from kombu.connection import Connection
from prometheus_client import CONTENT_TYPE_LATEST

from api.http import Request, Response, json_response
from api.metrics import render_metrics
from core.threads import in_thread

log = structlog.get_logger(__name__)

_PATIENCE_S = 2


async def healthz(request: Request) -> Response:
    """Answer 200 while the process can answer at all."""
    return json_response({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Answer 200 when PostgreSQL, sequencer and broker all answer, else 503; each is named."""
    parts = {"postgresql": in_thread(_postgresql), "sequencer": _sequencer(), "broker": in_thread(_broker)}
    up = dict(
        zip(parts, await asyncio.gather(*(_answers(name, part) for name, part in parts.items())), strict=True)
    )
    ready = all(up.values())
    return json_response(
        {
            "status": "ready" if ready else "not ready",
            "parts": {n: "up" if u else "down" for n, u in up.items()},
        },
        status=200 if ready else 503,
        headers={} if ready else {"Retry-After": "1"},
    )


async def metrics(request: Request) -> Response:
    """Answer Prometheus' text format. No key is needed: a proxy to the outside does not pass it on."""
    return Response(body=await in_thread(render_metrics), content_type=CONTENT_TYPE_LATEST)


async def _answers(name: str, check: Awaitable[None]) -> bool:
    try:
        await asyncio.wait_for(check, _PATIENCE_S)
    except Exception as reason:
        log.warning("part_down", part=name, reason=repr(reason))
        return False
    return True


def _postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _sequencer() -> None:
    _, writer = await asyncio.open_unix_connection(settings.SEQUENCER_SOCKET)
    writer.close()
    await writer.wait_closed()


def _broker() -> None:
    options = {"socket_timeout": 1, "socket_connect_timeout": 1}
    broker = Connection(settings.BROKER_URL, transport_options=options)  # type: ignore[no-untyped-call]
    with broker:
        broker.ensure_connection(  # type: ignore[no-untyped-call]
            max_retries=1, interval_start=0, interval_step=0
        )
