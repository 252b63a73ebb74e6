"""Organisations, members and API keys."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Organisations, members and API keys."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
