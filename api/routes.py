"""The addresses that are answered past Django. OpenAPI and the authorisation tests read this list too."""

from typing import Final

from api import health, orders, streams, stripe_webhook, usage
from api.agent.routes import ROUTES as AGENT_ROUTES
from api.openai import batches, chat, files
from api.routing import Route
from inference import gateway

_READS: Final = frozenset({"GET"})

ROUTES: Final = (
    Route("/v1/orders", {"POST": orders.place, "DELETE": orders.cancel_all}, django=_READS),
    Route("/v1/orders/batch", {"POST": orders.batch}),
    Route("/v1/orders/preview", {"POST": orders.preview}),
    Route("/v1/orders/by-client-id/{client_order_id}", {}, django=_READS),
    Route("/v1/standing-offers", {"PUT": orders.set_offer}, django=_READS),
    Route("/v1/standing-offers/{standing_offer_id}", {"DELETE": orders.withdraw_offer}),
    Route("/v1/dead-man", {"PUT": orders.dead_man}, django=_READS),
    Route("/v1/orders/{order_id}", {"DELETE": orders.cancel}, django=_READS),
    Route("/v1/orders/{order_id}/replace", {"POST": orders.replace}),
    Route("/v1/chat/completions", {"POST": chat.completions}),
    Route("/v1/completions", {"POST": chat.text_completions}),
    Route("/v1/files", {"GET": files.files, "POST": files.upload}, body_limit=files.UPLOAD_LIMIT),
    Route("/v1/files/{file_id}", {"GET": files.file, "DELETE": files.delete}),
    Route("/v1/files/{file_id}/content", {"GET": files.content}),
    Route("/v1/batches", {"GET": batches.batches, "POST": batches.create}),
    Route("/v1/batches/{batch_id}", {"GET": batches.batch}),
    Route("/v1/batches/{batch_id}/cancel", {"POST": batches.cancel}),
    Route("/v1/stream/market/{symbol}", {"GET": streams.market}),
    Route("/v1/stream/account", {"GET": streams.account}),
    Route("/webhooks/stripe", {"POST": stripe_webhook.receive}),
    Route("/v1/usage", {"GET": usage.usage}),
    Route("/healthz", {"GET": health.healthz}),
    Route("/readyz", {"GET": health.readyz}),
    Route("/metrics", {"GET": health.metrics}),
    *AGENT_ROUTES,
)


async def close_streams() -> None:
    """Stop what this process listens to, when it ends."""
    await streams.close()
    await gateway.close()
