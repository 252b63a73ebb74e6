"""Web: the marketplace's pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The marketplace's pages, served by Django."""

    name = "web"
