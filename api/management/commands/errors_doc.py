"""`manage.py errors_doc`: write docs/errors.md from the list of codes."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from api.error_pages import render_errors


class Command(BaseCommand):
    """Writes the page of errors."""

    help = "Write docs/errors.md from the closed list of error codes."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        (settings.BASE_DIR / "docs" / "errors.md").write_text(render_errors())
