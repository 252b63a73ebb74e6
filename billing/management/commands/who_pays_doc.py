"""`manage.py who_pays_doc`: write docs/who-pays.md from the table in code."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from billing.who_pays import page


class Command(BaseCommand):
    """Writes the page of who pays."""

    help = "Write docs/who-pays.md from the closed table of billing/who_pays.py."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        (settings.BASE_DIR / "docs" / "who-pays.md").write_text(page())
