"""The baseline of `benchmarks.feed`: every subscriber reads the rows for itself, and encodes them again."""

import os

os.environ.setdefault("CUX_DATABASE_POOL", "8")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from typing import cast

from django.core.asgi import get_asgi_application

django = get_asgi_application()  # the apps are loaded by this, and the imports below need them

from api import health, streams  # noqa: E402
from api.application import Application, AsgiApp  # noqa: E402
from api.http import Request, Stream  # noqa: E402
from api.routing import Route  # noqa: E402

START_S = 120.0
"""A thousand readers that begin at once read a thousand books."""


async def market(request: Request) -> Stream:
    """Give every request a feed of its own."""
    return Stream(streams.market_feed(request.params["symbol"], ready_s=START_S).follow(None))


ROUTES = (
    Route("/v1/stream/market/{symbol}", {"GET": market}),
    Route("/healthz", {"GET": health.healthz}),
)
application = Application(ROUTES, cast(AsgiApp, django), on_shutdown=streams.close)
