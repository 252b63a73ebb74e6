"""The settings that depend on this machine: addresses of the servers, and secrets made once.

A value set in the process environment always wins, and then no embedded server of that kind is used.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from core.embedded.paths import var_directory
from core.embedded.postgres import Postgres
from core.embedded.secret_files import secret
from core.embedded.server import Server
from core.embedded.valkey import Valkey

SECRETS = ("SECRET_KEY", "RELAY_TOKEN", "SIGNING_SEED", "SEALING_KEY", "STRIPE_DOUBLE_SECRET")
"""64 hex digits each: Django's key; what web, gateway, relay show each other; the exchange's Ed25519 seed;
the master key under which prompts and answers are sealed; what the double of Stripe signs webhooks with."""


def load(var_dir: Path | str | None = None, *, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return DATABASE_URL (`cux_app`), DATABASE_OWNER_URL, BROKER_URL and the SECRETS.

    Starts nothing: the addresses of the embedded servers are known before they run. With a DATABASE_URL of
    one's own and no DATABASE_OWNER_URL, both are that one. Secrets are made in `<var>/secrets` when missing.
    """
    var = var_directory(var_dir)
    settings = {name: environ.get(name) or secret(var, name.lower()) for name in SECRETS}
    database = environ.get("DATABASE_URL")
    postgres = Postgres(var)
    settings["DATABASE_URL"] = database or postgres.url
    settings["DATABASE_OWNER_URL"] = environ.get("DATABASE_OWNER_URL") or database or postgres.owner_url
    settings["BROKER_URL"] = environ.get("BROKER_URL") or Valkey(var).url
    return settings


def embedded_servers(
    var_dir: Path | str | None = None, *, environ: Mapping[str, str] = os.environ
) -> list[Server]:
    """Return the servers to be run here: those whose address the environment does not give."""
    kinds: dict[str, type[Server]] = {"DATABASE_URL": Postgres, "BROKER_URL": Valkey}
    return [kind(var_dir) for variable, kind in kinds.items() if not environ.get(variable)]


def database_settings(url: str) -> dict[str, object]:
    """Return Django's DATABASES entry for a PostgreSQL `url`; HOST is a directory for a unix socket."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", parts.hostname or "")
    port = options.pop("port", str(parts.port or ""))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port,
        "OPTIONS": options,
    }
