"""Taking leases and giving them back: `POST /agent/v1/claim`, `POST /agent/v1/leases/{lease_id}/fail`."""

import asyncio
import uuid
from typing import Final

from api.agent.caller import authenticate_provider
from api.http import Request, Response, json_response, parse_json, unless_gone
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from core.notify import LEASE, listener, wait
from core.threads import in_thread
from cux.wire.agent import ClaimRequest, ClaimResponse, FailedLine, Lease
from inference.services.lease_claim import lease_claim
from inference.services.lease_fail import lease_fail

_LOOK_AGAIN_S: Final = 2.0


async def claim(request: Request) -> Response:
    """Hand over granted leases: at once, or as soon as there is one, or none after `wait_s`.

    An agent that went away claims nothing: a lease granted meanwhile waits for whoever is there.
    """
    provider_id = await authenticate_provider(request)
    asked = parse_json(await request.json_body(), ClaimRequest)
    leases = await unless_gone(request, _claim_when_granted(provider_id, asked))
    return json_response(ClaimResponse(leases=leases))


async def _claim_when_granted(provider_id: uuid.UUID, asked: ClaimRequest) -> list[Lease]:
    until = asyncio.get_running_loop().time() + asked.wait_s
    with listener().subscribe(LEASE, str(provider_id)) as woken:
        while True:
            woken.clear()
            leases = await in_thread(
                lease_claim, provider_id=provider_id, free_slots=asked.free_slots, now=utc_now()
            )
            left_s = until - asyncio.get_running_loop().time()
            if leases or left_s <= 0:
                return leases
            await wait(woken, min(left_s, _LOOK_AGAIN_S))


async def fail(request: Request) -> Response:
    """Take a lease back that the provider cannot serve."""
    provider_id = await authenticate_provider(request)
    reason = parse_json(await request.json_body(), FailedLine)
    lease_id = parse_public_id("lease", request.params["lease_id"])
    if lease_id is None:
        raise CuxError(Code.NOT_FOUND, "There is no such lease of this provider.")
    await in_thread(
        lease_fail,
        lease_id=lease_id,
        provider_id=provider_id,
        reason=reason.code,
        detail=reason.message,
        now=utc_now(),
    )
    return Response(status=204)
