"""`manage.py publish_efficiency`: put the exchange's own committed results on its leaderboard."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.clock import utc_now
from inference.efficiency.committed import NotReproducedError
from inference.services.efficiency_publish import efficiency_publish_committed


class Command(BaseCommand):
    """Replays each committed policy over the committed table first; any number of times."""

    help = "Publish docs/efficiency/results.json: the gate and the fixed plans, replayed from their table."

    def handle(self, **_: Any) -> None:
        """Publish, and say what."""
        base = Path(settings.BASE_DIR)
        try:
            results = efficiency_publish_committed(
                directory=base / "docs" / "efficiency",
                gate=base / "inference" / "gate" / "ladders" / "reasoner-135m.safetensors",
                now=utc_now(),
            )
        except NotReproducedError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"published: {', '.join(each.entry['name'] for each in results)}")
