"""The relay's entry point: `python -m config.server config.relay:application --port N`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from api.relay import application  # noqa: E402 (Django must be set up before)

__all__ = ["application"]
