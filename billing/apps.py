"""The double-entry ledger and everything that moves money."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """The double-entry ledger and everything that moves money."""

    name = "billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the ledger's verification check the rows around it too, and the audit log be sealed."""
        from billing import checks  # noqa: F401 - it registers itself
        from billing.selectors import (
            card_money_invariants,
            document_invariants,
            money_actions,
            payout_invariants,
            risk_invariants,
        )
        from billing.selectors.sealed_sources import AUDIT_SEALED
        from billing.selectors.sealed_sources import register as register_sealed
        from billing.selectors.verify import register

        for module in (
            card_money_invariants,
            document_invariants,
            money_actions,
            payout_invariants,
            risk_invariants,
        ):
            register(module.INVARIANTS)
        register_sealed(AUDIT_SEALED)
