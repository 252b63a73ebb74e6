"""Signs of life: `POST /agent/v1/heartbeat`."""

from api.agent.caller import authenticate_provider
from api.http import Request, Response, json_response, parse_json
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from core.threads import in_thread
from cux.wire.agent import Heartbeat
from inference.services.heartbeat_record import heartbeat_record


async def heartbeat(request: Request) -> Response:
    """Record what the agent is at; answer which leases it should stop."""
    provider_id = await authenticate_provider(request)
    sign = parse_json(await request.json_body(), Heartbeat)
    if parse_public_id("provider", sign.provider_id) != provider_id:
        raise CuxError(Code.FORBIDDEN, "This key is another provider's.", param="provider_id")
    answer = await in_thread(heartbeat_record, provider_id=provider_id, heartbeat=sign, now=utc_now())
    return json_response(answer)
