"""The relay's entry point: `granian --interface asgi config.relay:application`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from api.relay import application

__all__ = ["application"]
