"""Where an organisation wants to be told of its events."""

import base64
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Organisation, WebhookEndpoint
from accounts.webhook_events import TYPES
from core.egress import EgressError, check_url
from core.errors import Code, CuxError
from core.ids import new_id
from core.sealing import seal, unseal

ENDPOINTS_MAX: Final = 10
_SECRET_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class MadeEndpoint:
    """A new endpoint and its secret, which is shown this once."""

    endpoint: WebhookEndpoint
    secret: str


@transaction.atomic
def webhook_endpoint_create(*, organisation_id: uuid.UUID, url: str, types: list[str]) -> MadeEndpoint:
    """This function will have an address told of events of these types, of all if none is named.

    Raises:
        CuxError: INVALID_FIELD, the URL is not a public https one, or a type is unknown; TOO_MANY_WEBHOOKS.
    """
    try:
        check_url(url, allowed=settings.WEBHOOK_NETWORKS)
    except EgressError as error:
        raise CuxError(Code.INVALID_FIELD, str(error), param="url") from error
    for name in types:
        if name not in TYPES:
            raise CuxError(Code.INVALID_FIELD, f"There is no event {name!r}.", param="types")
    # One at a time: they are counted.
    Organisation.objects.select_for_update(no_key=True).get(id=organisation_id)
    if _live(organisation_id).count() >= ENDPOINTS_MAX:
        raise CuxError(Code.TOO_MANY_WEBHOOKS)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    made = WebhookEndpoint(id=new_id(), organisation_id=organisation_id, url=url, types=sorted(set(types)))
    made.secret = seal(organisation_id=organisation_id, context=_context(made.id), plain=secret.encode())
    made.save()
    made.refresh_from_db()
    return MadeEndpoint(made, secret)


@transaction.atomic
def webhook_endpoint_remove(
    *, organisation_id: uuid.UUID, endpoint_id: uuid.UUID, now: datetime
) -> WebhookEndpoint:
    """This function will tell an address nothing more, of what waits neither; again: no effect.

    Raises:
        CuxError: NOT_FOUND.
    """
    endpoint = WebhookEndpoint.objects.filter(organisation_id=organisation_id, id=endpoint_id).first()
    if endpoint is None:
        raise CuxError(Code.NOT_FOUND, "There is no such webhook.")
    if endpoint.removed_at is None:
        endpoint.removed_at = now
        endpoint.save(update_fields=["removed_at"])
        waiting = endpoint.deliveries.filter(next_at__isnull=False)
        waiting.update(next_at=None, outcome="the webhook was removed")
    return endpoint


def webhook_endpoints(organisation_id: uuid.UUID) -> list[WebhookEndpoint]:
    """Return where the organisation is told of events, newest first."""
    return list(_live(organisation_id).order_by("-id"))


def webhook_secret(endpoint: WebhookEndpoint) -> str:
    """Return the secret that an endpoint's deliveries are signed with."""
    opened = unseal(
        organisation_id=endpoint.organisation_id, context=_context(endpoint.id), sealed=bytes(endpoint.secret)
    )
    return opened.decode()


def _live(organisation_id: uuid.UUID) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(organisation_id=organisation_id, removed_at__isnull=True)


def _context(endpoint_id: uuid.UUID) -> str:
    return f"webhook:{endpoint_id}"
