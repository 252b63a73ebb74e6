"""Providers, jobs, leases, metering and receipts."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Providers, jobs, leases, metering and receipts."""

    name = "inference"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the ledger seal receipts too."""
        from billing.selectors.sealed_sources import register
        from inference.selectors.receipts import RECEIPTS_SEALED

        register(RECEIPTS_SEALED)
