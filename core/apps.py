"""Core: money, ids, errors, clock, outbox, idempotency and the embedded servers."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The innermost app: nothing here knows about markets, money flows or models."""

    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the settings checked."""
        from core import checks  # noqa: F401 - it registers itself
