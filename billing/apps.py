"""The double-entry ledger and everything that moves money."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """The double-entry ledger and everything that moves money."""

    name = "billing"
    default_auto_field = "django.db.models.BigAutoField"
