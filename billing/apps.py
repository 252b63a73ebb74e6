"""The double-entry ledger and everything that moves money."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """The double-entry ledger and everything that moves money."""

    name = "billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the ledger's verification check the rows around it too."""
        from billing.selectors.document_invariants import INVARIANTS as OF_DOCUMENTS
        from billing.selectors.risk_invariants import INVARIANTS as OF_RISK
        from billing.selectors.verify import register

        register(OF_RISK)
        register(OF_DOCUMENTS)
