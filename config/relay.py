"""The relay's entry point: `granian --interface asgi config.relay:application`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from api.relay import application  # noqa: E402 (Django must be set up before)

__all__ = ["application"]
