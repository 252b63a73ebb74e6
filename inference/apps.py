"""Providers, jobs, leases, metering and receipts."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """Providers, jobs, leases, metering and receipts."""

    name = "inference"
    default_auto_field = "django.db.models.BigAutoField"
