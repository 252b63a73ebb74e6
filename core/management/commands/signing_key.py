"""`manage.py signing_key`: the key in use, the keys before it, and what to set to replace it."""

from typing import Any

from django.core.management.base import BaseCommand

from core.clock import rfc3339, utc_now
from core.exchange_key import exchange_key, retired_keys, retirement


class Command(BaseCommand):
    """Prints public keys only."""

    help = (
        "Show the exchange's public keys, and the entry of RETIRED_SIGNING_KEYS for replacing the one in use."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        """Print them; the entry alone goes to stdout."""
        own = exchange_key()
        self.stderr.write(f"in use   {own.key_id}  {own.public.hex()}")
        for key in retired_keys():
            until = rfc3339(key.valid_until)
            self.stderr.write(f"retired  {key.key_id}  {key.public.hex()}  until {until}")
        self.stderr.write("To replace the key in use now, add to RETIRED_SIGNING_KEYS, with a comma between:")
        self.stdout.write(retirement(utc_now()))
