"""`manage.py restore BACKUP`: load a backup and verify the ledger."""

import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from core.backup import BackupError, restore
from core.embedded.environment import embedded_servers


class Command(BaseCommand):
    """Restores, starting the embedded PostgreSQL if it does not run; exits 1 if the ledger is broken."""

    help = "Load a backup into an empty database (or --replace what is there), then verify the ledger."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the backup, and whether what is there may be lost."""
        parser.add_argument("backup", type=Path, help="directory that `manage.py backup` printed")
        parser.add_argument("--replace", action="store_true", help="lose everything that is in the database")

    def handle(self, *, backup: Path, replace: bool, **_: Any) -> None:
        """Restore, migrate to this version, stop money from leaving, verify; say how long each took."""
        with ExitStack() as stack:
            for server in embedded_servers():
                if server.name == "postgres" and server.pid() is None:
                    server.start()
                    stack.callback(server.stop)
            began = time.monotonic()
            try:
                restore(backup=backup, url=settings.ENVIRONMENT["DATABASE_OWNER_URL"], replace=replace)
            except BackupError as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"restored in {time.monotonic() - began:.1f} s")
            call_command("migrate", database="owner", verbosity=0)
            # What left since the backup is not in these books, which would send it once more.
            call_command("money_out", "stop", f"restored from {backup.name}", stdout=self.stdout)
            began = time.monotonic()
            call_command("ledger_verify", stdout=self.stdout)
            self.stdout.write(f"verified in {time.monotonic() - began:.1f} s")
