"""Providers, jobs, leases, metering and receipts."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Providers, jobs, leases, metering and receipts."""

    name = "inference"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the ledger seal receipts too, and its verification check jobs and their charges."""
        from billing.selectors.sealed_sources import register as register_sealed
        from billing.selectors.verify import register
        from inference.selectors.invariants import INVARIANTS
        from inference.selectors.receipts import RECEIPTS_SEALED

        register_sealed(RECEIPTS_SEALED)
        register(INVARIANTS)
