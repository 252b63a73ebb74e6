"""Which provider speaks: the owner of the API key, with the scope `provide`."""

import uuid

from api.auth import authenticate
from api.http import Request
from core.errors import Code, CuxError
from core.threads import in_thread
from inference.selectors.providers import provider_of


async def authenticate_provider(request: Request) -> uuid.UUID:
    """Return the provider's id.

    Raises:
        CuxError: INVALID_API_KEY; MISSING_SCOPE; FORBIDDEN, the organisation is no enrolled provider.
    """
    facts = await authenticate(request, "provide")
    provider_id = await in_thread(provider_of, organisation_id=facts.organisation_id)
    if provider_id is None:
        raise CuxError(Code.FORBIDDEN, "This organisation is not an enrolled provider.")
    return provider_id
