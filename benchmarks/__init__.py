"""Benchmarks, each a program of its own that prints JSON lines: `make bench`."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_DIGITS = 4


def figure(name: str, value: float, unit: str, baseline: float | None = None) -> None:
    """Print a figure as one JSON line, beside a baseline of the same run and unit if there is one."""
    line: dict[str, str | float] = {"name": name, "value": _rounded(value), "unit": unit}
    if baseline:
        line |= {"baseline": _rounded(baseline), "ratio": _rounded(value / baseline)}
    print(json.dumps(line, ensure_ascii=False), flush=True)


def _rounded(value: float) -> float:
    """Return the value with the digits that mean something."""
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short.is_integer() else short


@contextmanager
def fresh_servers(var: Path) -> Iterator[None]:
    """Run embedded servers on a new, migrated database; CUX_VAR must be `var` already."""
    import django
    import psycopg
    from django.core.management import call_command
    from django.db import connections

    from core.embedded.environment import embedded_servers
    from core.embedded.postgres import Postgres

    with ExitStack() as stack:
        for server in embedded_servers(var):
            server.start()
            stack.callback(server.stop)
        owner_url = Postgres(var).role_url("cux_owner", database="postgres")
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute("DROP DATABASE IF EXISTS cux WITH (FORCE)")
            owner.execute("CREATE DATABASE cux OWNER cux_owner")
        django.setup()
        call_command("migrate", database="owner", verbosity=0)
        stack.callback(connections.close_all)
        yield
