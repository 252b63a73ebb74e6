"""The addresses that are answered past Django. OpenAPI and the authorisation tests read this list too."""

from typing import Final

from api import health
from api.routing import Route

ROUTES: Final = (
    Route("/healthz", {"GET": health.healthz}),
    Route("/readyz", {"GET": health.readyz}),
    Route("/metrics", {"GET": health.metrics}),
)
