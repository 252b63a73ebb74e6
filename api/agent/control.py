"""`GET /agent/v1/control`: what an agent should do at once comes down a stream that it keeps open.

Each event is the whole of it, so one that was lost with a connection is made up by the next; heartbeats say
the same when there is no stream.
"""

import uuid
from collections.abc import AsyncIterator
from typing import Final

from api.agent.caller import authenticate_provider
from api.http import Request, Stream, event
from core.clock import utc_now
from core.ids import public_id
from core.notify import CONTROL, listener, wait
from core.threads import in_thread
from cux.wire.agent import ControlEvent
from inference.selectors.stops import leases_to_stop

REPEAT_S: Final = 10.0


async def control(request: Request) -> Stream:
    """Name the leases to stop: at once, when another one is to be, and every `REPEAT_S`."""
    provider_id = await authenticate_provider(request)
    await request.body()
    return Stream(_follow(provider_id))


async def _follow(provider_id: uuid.UUID) -> AsyncIterator[bytes]:
    with listener().subscribe(CONTROL, str(provider_id)) as woken:
        while True:
            woken.clear()
            stop = await in_thread(leases_to_stop, provider_id=provider_id, now=utc_now())
            yield event(ControlEvent(leases_canceled=[public_id("lease", lease_id) for lease_id in stop]))
            await wait(woken, REPEAT_S)
