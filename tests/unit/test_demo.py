"""What the demo says before it starts and when it is up."""

import socket
from pathlib import Path

import pytest

from agent.config import load
from config.demo.__main__ import how_to_use_it
from config.demo.agent import ladder_settings
from config.demo.steps import Market, measure
from config.processes import Place, all_processes, ladder_agent
from core.supervisor.errors import SupervisorError

KEY = "sk_live_0123abcd_" + "k" * 42
"""One character short of a key."""


def test_what_is_to_be_copied_stands_on_one_line_of_a_terminal() -> None:
    party = {"login": "northwind", "password": "p" * 16, "api_key": KEY}
    ada = party | {"login": "ada", "api_key": KEY + "a"}
    facts = {"buyers": {"ada": ada}, "providers": {"northwind": party}}
    lines = how_to_use_it(Place(Path("var"), 8000, 8001), facts)
    assert max(len(line) for line in lines) <= 80
    assert f"export CUX_API_KEY={KEY}a" in lines
    assert "export CUX_URL=http://127.0.0.1:8000" in lines
    assert f"   northwind    {'p' * 16}" in lines


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "80 00"])
def test_a_port_that_is_none_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUX_RELAY_PORT", text)
    with pytest.raises(SupervisorError, match=f"CUX_RELAY_PORT must be a port, 1 to 65535, and is '{text}'"):
        Place.from_environment()


def test_a_taken_port_is_named_with_the_variable_that_moves_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        place = Place(Path("var"), other.getsockname()[1], 1)
        with pytest.raises(SupervisorError, match=rf"Port {place.port} is taken.*or set CUX_PORT to another"):
            place.refuse_taken_ports()


def test_the_demo_waits_for_its_own_providers_whoever_else_has_enrolled() -> None:
    rows = [{"name": name, "rate_ucu_per_s": 300, "up": True} for name in ("northwind", "eastfield")]
    said: list[str] = []
    market = Market(
        Place(Path("var"), 1, 2), {"buyers": {}, "providers": {"northwind": {}}, "model": "m"}, said.append
    )
    market.call = lambda *_: {"data": rows}  # type: ignore[method-assign]
    measure(market)
    market.close()
    assert said == ["northwind  measured 300 µCU/s on m"]


def test_the_ladder_s_agent_serves_every_rung_and_offers_its_compute(tmp_path: Path) -> None:
    ladder = {
        "directory": "/models/r",
        "layers": {"r": 0, "r-20": 20, "r-10": 10},
        "instrument": "r.cpu-spot",
        "idle_instrument": "r.cpu-idle",
    }
    path = tmp_path / "agent.toml"
    path.write_text(ladder_settings(ladder, exchange="http://127.0.0.1:8000", state=tmp_path / "s"))
    config = load(path, {}, {})
    assert (config.exchange, config.state) == ("http://127.0.0.1:8000", str(tmp_path / "s"))
    assert [(one.model, one.model_path, one.layers) for one in config.engine] == [
        ("r", "/models/r", 0),
        ("r-20", "/models/r", 20),
        ("r-10", "/models/r", 10),
    ]
    offered = [(policy.instrument, policy.floor_ticks) for policy in config.pricing.offer]
    assert offered == [("r.cpu-spot", 1_500), ("r.cpu-idle", 900)]


def test_the_ladder_s_agent_is_none_of_the_processes_that_the_main_job_waits_for() -> None:
    place = Place(Path("var"), 1, 2)
    others = [process.name for process in all_processes(place)]
    added = ladder_agent(place)
    assert added.name not in others
    assert set(added.start_after) <= set(others)


@pytest.mark.parametrize(("key", "has_double"), [("", True), ("sk_test_of_ones_own", False)])
def test_the_double_of_stripe_runs_while_there_is_no_key_of_ones_own(
    key: str, has_double: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", key)
    names = [process.name for process in all_processes(Place(Path("var"), 1, 2, 3))]
    assert ("stripe" in names) is has_double


@pytest.mark.parametrize(("mode", "has_bots"), [("test", True), ("live", False), ("", False)])
def test_bots_run_on_a_test_market_alone(mode: str, has_bots: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKET_MODE", mode)
    names = [process.name for process in all_processes(Place(Path("var"), 1, 2))]
    assert ("bots" in names) is has_bots
