"""What a provider earned and why, and what it may sell: `/agent/v1/earnings`, `/agent/v1/capacity`."""

import uuid
from dataclasses import asdict
from typing import Final

from api.agent.caller import authenticate_provider
from api.http import Request, Response, json_response
from core.clock import utc_now
from core.errors import Code, CuxError
from core.threads import in_thread
from cux.wire.agent import Capacity, CapacityPage, EarningsPage
from exchange.selectors.capacity import capacity_list
from inference.models import Provider
from inference.selectors.earnings import earnings_page
from inference.services.hold_backs_mature import hold_back_period

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
_DIGITS_MAX: Final = 18


async def earnings(request: Request) -> Response:
    """List what the provider's jobs earned, newest first: `limit` of them, from `before` on backwards."""
    provider_id = await authenticate_provider(request)
    limit = _whole(request, "limit", LIMIT_MAX) or LIMIT_DEFAULT
    before = _whole(request, "before", 10**_DIGITS_MAX)
    return json_response(await in_thread(_page, provider_id, limit, before))


async def capacity(request: Request) -> Response:
    """List what the provider can deliver, as measured, and what of it is sold and not drawn yet."""
    provider_id = await authenticate_provider(request)
    return json_response(await in_thread(_capacity, provider_id))


def _capacity(provider_id: uuid.UUID) -> CapacityPage:
    organisation_id = Provider.objects.values_list("organisation_id", flat=True).get(id=provider_id)
    facts = capacity_list(organisation_id=organisation_id, now=utc_now())
    return CapacityPage(data=[Capacity(**asdict(row)) for row in facts])


def _page(provider_id: uuid.UUID, limit: int, before: int | None) -> EarningsPage:
    provider = Provider.objects.only("organisation_id", "trust_tier").get(id=provider_id)
    return earnings_page(
        organisation_id=provider.organisation_id,
        hold_back=hold_back_period(provider.trust_tier),
        limit=limit,
        before=before,
    )


def _whole(request: Request, name: str, most: int) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else 0
    if not 1 <= value <= most:
        raise CuxError(Code.INVALID_FIELD, f"`{name}` is a whole number from 1 to {most}.", param=name)
    return value
