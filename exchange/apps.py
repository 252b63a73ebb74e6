"""Instruments, orders, trades, entitlements and the sequencer."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """Instruments, orders, trades, entitlements and the sequencer."""

    name = "exchange"
    default_auto_field = "django.db.models.BigAutoField"
