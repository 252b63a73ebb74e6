"""Api: the trading API, the OpenAI-compatible endpoint, the provider protocol and the relay."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Everything programs talk to."""

    name = "api"
