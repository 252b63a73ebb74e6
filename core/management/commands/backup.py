"""`manage.py backup`: write a backup of the whole database while it is used."""

import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.backup import BackupError, backup_take
from core.clock import utc_now
from core.embedded.environment import embedded_servers


class Command(BaseCommand):
    """Takes a backup; the embedded PostgreSQL is started for it if it does not run."""

    help = "Write a backup of the database (one snapshot, with checksums) and print where it lies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the directory that holds backups."""
        parser.add_argument("--to", type=Path, default=settings.VAR_DIR / "backups", help="where backups lie")

    def handle(self, *, to: Path, **_: Any) -> None:
        """Take it and say how long it took."""
        began = time.monotonic()
        with ExitStack() as stack:
            for server in embedded_servers():
                if server.name == "postgres" and server.pid() is None:
                    server.start()
                    stack.callback(server.stop)
            try:
                backup = backup_take(
                    directory=to, url=settings.ENVIRONMENT["DATABASE_OWNER_URL"], now=utc_now()
                )
            except BackupError as error:
                raise CommandError(str(error)) from error
        size = sum(file.stat().st_size for file in backup.iterdir())
        self.stdout.write(f"{backup}  {size / 1e6:,.1f} MB in {time.monotonic() - began:.1f} s")
        self.stdout.write("Keep var/secrets too, elsewhere: without them what is encrypted stays so.")
