"""`manage.py openapi`: write docs/openapi.yaml from the views and the plain routes."""

from typing import Any

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand
from drf_spectacular.generators import SchemaGenerator


def render_openapi() -> str:
    """Return the description as YAML."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return yaml.safe_dump(schema, sort_keys=False, allow_unicode=True, width=110)


class Command(BaseCommand):
    """Writes the OpenAPI description."""

    help = "Write docs/openapi.yaml from the views and the plain routes."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        (settings.BASE_DIR / "docs" / "openapi.yaml").write_text(render_openapi())
