"""`cux` as people run it: its own process, on a terminal, against a running exchange."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.environment import ROOT
from tests.integration.client.conftest import secret_of
from tests.sequencer_market import Market
from tests.waiting import eventually


@pytest.fixture
def environment(urls: tuple[str, str], market: Market, tmp_path: Path) -> dict[str, str]:
    """Return the environment of the buyer's shell."""
    own = {"CUX_URL": urls[0], "CUX_API_KEY": secret_of(market.buyer), "XDG_CONFIG_HOME": str(tmp_path)}
    return os.environ | own | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}


def cux(environment: dict[str, str], *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cux", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,
    )


def test_a_terminal_shows_a_live_book(market: Market, environment: dict[str, str]) -> None:
    assert market.sell(2_000, 7).status == 201
    ours, theirs = pty.openpty()
    words = ["market", "watch", market.instrument.symbol, "--count", "2"]
    with subprocess.Popen(
        [sys.executable, "-m", "cux", *words], cwd=ROOT, env=environment, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        seen = b""

        def shows(text: str) -> bool:
            nonlocal seen
            seen += os.read(ours, 65_536)
            return text in seen.decode(errors="replace")

        eventually(lambda: shows("2,000"), within_s=60)
        assert market.buy(2_000, 3).status == 201
        eventually(lambda: shows("buy"), within_s=60)
        assert process.wait(60) == 0
    os.close(ours)
    text = seen.decode()
    assert market.instrument.symbol in text
    assert "█" in text


def test_a_batch_comes_through_a_pipe(market: Market, environment: dict[str, str]) -> None:
    item = {"op": "new", "instrument": market.instrument.symbol, "side": "buy", "quantity_lots": 1}
    items = [item | {"price_ticks": price} for price in (1, 2, 20_000)]
    done = cux(environment, "order", "batch", "-", "--json", input=json.dumps(items))
    assert done.returncode == 1, done.stderr
    assert [result["status"] for result in json.loads(done.stdout)["results"]] == [201, 201, 422]
