"""Lives that end at a moment, and what the next process makes of them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from core.embedded.postgres import Postgres
from core.money import NANO_PER_CENT
from tests.environment import ROOT, VAR
from tests.points.moments import EXIT
from tests.stripe import StripeDouble, running_double

SETTLED = {
    "state": "completed",
    "buyer": [0, 0, 4_800_000_000, 0],
    "provider": [0, 20_000_000],
    "trades": 1,
    "entitlements": ["expired"],
    "paid_out": [["paid", 180_000_000]],
    "settled": 1,
    "memory_is_committed": True,
}
"""Of 5,000,000,000 nano-USD, 20 lots at 10,000,000 were paid: for the job at once, for the rest at the end.
A tenth of it is held back, the rest was paid out."""
REFUNDED = SETTLED | {
    "state": "refunded",
    "buyer": [0, 0, 4_808_400_000, 0],
    "provider": [2_440_000, 19_160_000],
    "paid_out": [["paid", 170_000_000]],
    "settled": 0,
}
"""An agent died with the lease in its hands: the 84 µCU that the job had reserved are cancelled, their
price is back, and the rest is paid for as ever; what a cent cannot hold stays payable."""
_ENVIRONMENT = {
    # Card money is not at risk here, and cents are paid out: that is another test's matter.
    "CUX_CARD_RISK_S": "0",
    "CUX_NEW_CARD_RISK_S": "0",
    "CUX_PAYOUT_MIN_NANO_USD": "10000000",
}


_DATABASE = "cux_points"
_CLEARING = """
    SELECT coalesce(sum(p.amount), 0) FROM billing_posting p JOIN billing_account a ON a.id = p.account_id
    WHERE a.kind = 'stripe_clearing'
"""


class Host:
    """A warmed process that lives lives, on a database where nobody else does anything."""

    def __init__(self, double: StripeDouble) -> None:
        """Make the database anew and start the process."""
        self.double = double
        self._postgres = Postgres(VAR)
        self._environment = (
            os.environ
            | _ENVIRONMENT
            | {
                "CUX_STRIPE_DOUBLE_URL": double.url,
                "DATABASE_URL": self._postgres.role_url("cux_app", database=_DATABASE),
                "DATABASE_OWNER_URL": self._postgres.role_url("cux_owner", database=_DATABASE),
            }
        )
        with psycopg.connect(
            self._postgres.role_url("cux_owner", database="postgres"), autocommit=True
        ) as own:
            own.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
            own.execute(f"CREATE DATABASE {_DATABASE} OWNER cux_owner")
        self._manage("migrate", "--database", "owner", "--verbosity", "0")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.points.host"],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def verify(self) -> None:
        """Assert that every invariant of the ledger holds."""
        self._manage("ledger_verify")

    def clearing_nano_usd(self) -> int:
        """Return what our books say that Stripe has of ours."""
        with psycopg.connect(self._environment["DATABASE_URL"]) as session:
            return -int(session.execute(_CLEARING).fetchone()[0])  # type: ignore[index]

    def _manage(self, *words: str) -> None:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def live(self, directory: Path, number: int, *, fatal: int = 0) -> dict[str, Any]:
        """Have a life lived, up to its fatal moment if it has one; return how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"life": number, "directory": str(directory), "fatal": fatal}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        ended: dict[str, Any] = json.loads(self._process.stdout.readline())
        return ended

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


@contextmanager
def host() -> Iterator[Host]:
    """Run a host, and a double of Stripe that outlives every death."""
    with running_double() as double:
        warmed = Host(double)
        try:
            yield warmed
        finally:
            warmed.close()


@contextmanager
def _same_books(warmed: Host) -> Iterator[None]:
    """Begin with an empty Stripe, and assert that in the end it has what our books say."""
    warmed.double.reset()
    before = warmed.clearing_nano_usd()
    yield
    assert warmed.clearing_nano_usd() - before == warmed.double.platform_cents() * NANO_PER_CENT


def count(warmed: Host) -> list[str]:
    """Live a whole life and return the moments it passed; fail if it did not end as it should."""
    with tempfile.TemporaryDirectory(prefix="cux") as directory, _same_books(warmed):
        ended = warmed.live(Path(directory), 0)
    assert ended["exit"] == 0, ended
    assert ended["report"] == SETTLED
    passed: list[str] = ended["passed"]
    return passed


def die_and_recover(warmed: Host, moment: int) -> str:
    """End a life at this moment, let the next process go on, check what became of it; return the moment.

    How many moments a life has depends a little on how its threads meet: one that ended before is whole.
    """
    with tempfile.TemporaryDirectory(prefix="cux") as directory, _same_books(warmed):
        died = warmed.live(Path(directory), moment, fatal=moment)
        assert died["exit"] in (EXIT, 0), died
        ended = warmed.live(Path(directory), moment)
    assert ended["exit"] == 0, (died, ended)
    assert ended["report"] in (SETTLED, REFUNDED), (died, ended["report"])
    where: str = died.get("died", "nowhere")
    return where
