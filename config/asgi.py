"""The web process: hot paths and streams as plain ASGI, pages and the rest of the API through Django."""

import os

# Django answers each request in a thread of its own here, so connections come from a pool.
os.environ.setdefault("CUX_DATABASE_POOL", "8")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from typing import cast

from django.core.asgi import get_asgi_application

django = get_asgi_application()  # the apps are loaded by this, and the imports below need them

from api.application import Application, AsgiApp  # noqa: E402
from api.routes import ROUTES, close_streams  # noqa: E402
from core import garbage  # noqa: E402

garbage.settle(look_at_old=True)
application = Application(ROUTES, cast(AsgiApp, django), on_shutdown=close_streams)
