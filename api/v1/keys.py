"""The public keys that receipts are verified with."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import ref
from api.v1.pages import refuse_unknown
from api.v1.shapes import KeysView, KeyView, RetiredKeyView
from core.clock import rfc3339
from core.exchange_key import exchange_key, retired_keys
from core.ids import public_id
from cux.wire.signing import key_id
from inference.selectors.providers import provider_keys


@extend_schema(operation_id="keys_get", tags=["directory"], responses={200: ref(KeysView)})
@api_view(["GET"])
def keys(request: Request) -> Response:
    """Show the exchange's public keys, also those it signed with before, and the providers'."""
    refuse_unknown(request)
    own = exchange_key().public
    return Response(
        KeysView(
            exchange=KeyView(owner="exchange", key_id=key_id(own), public_key=own.hex()),
            retired=[
                RetiredKeyView(
                    owner="exchange",
                    key_id=key.key_id,
                    public_key=key.public.hex(),
                    valid_from=rfc3339(key.valid_from),
                    valid_until=rfc3339(key.valid_until),
                )
                for key in retired_keys()
            ],
            providers=[
                KeyView(
                    owner=public_id("provider", provider_id),
                    key_id=key_id(bytes.fromhex(public_key)),
                    public_key=public_key,
                )
                for provider_id, public_key in provider_keys()
            ],
        )
    )
