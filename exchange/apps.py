"""Instruments, orders, trades, entitlements and the sequencer."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """Instruments, orders, trades, entitlements and the sequencer."""

    name = "exchange"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the ledger's verification check the exchange's rows too."""
        from billing.selectors.verify import register
        from exchange.selectors.invariants import INVARIANTS

        register(INVARIANTS)
