"""Where Stripe tells what has changed: the body as it came, a signature, and a quick answer."""

from typing import Final

from api.http import Request, Response, json_response
from billing.services.webhook_receive import webhook_receive
from core.threads import in_thread

SIGNATURE: Final = "stripe-signature"


async def receive(request: Request) -> Response:
    """Note an event; what it calls for is done later. Whatever is not signed for us is refused."""
    body = await request.body()
    await in_thread(webhook_receive, body=body, signature=request.header(SIGNATURE))
    return json_response({"received": True})
