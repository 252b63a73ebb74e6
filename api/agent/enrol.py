"""Joining as a provider: `POST /agent/v1/enrol`, `POST /agent/v1/measurements`, a model's compute card."""

from api.agent.caller import authenticate_provider
from api.http import Request, Response, json_response, parse_json
from core.clock import utc_now
from core.threads import in_thread
from cux.wire.agent import EnrolRequest, Measurement
from inference.selectors.catalogue import model_get
from inference.services.measurement_record import measurement_record
from inference.services.provider_enrol import provider_enrol


async def enrol(request: Request) -> Response:
    """Spend a single-use token; the answer holds the provider's API key, shown once."""
    asked = parse_json(await request.json_body(), EnrolRequest)
    return json_response(await in_thread(provider_enrol, request=asked, now=utc_now()), status=201)


async def measurements(request: Request) -> Response:
    """Record what the provider's engine was measured to deliver."""
    provider_id = await authenticate_provider(request)
    measurement = parse_json(await request.json_body(), Measurement)
    await in_thread(measurement_record, provider_id=provider_id, measurement=measurement)
    return Response(status=204)


async def card(request: Request) -> Response:
    """Answer the compute card by which a model is metered."""
    await authenticate_provider(request)
    model = await in_thread(model_get, request.params["model"])
    return json_response(model.card)
