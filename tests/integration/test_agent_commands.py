"""The command `cux-agent`, as its users run it: a process of its own, against an exchange over HTTP."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.state import State
from tests.integration.agent_world import API_KEY, CARD, PROVIDER_ID, World, world

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "single-use-token-1"


class Commands:
    """Runs `cux-agent` on one state directory, with the engine of a world."""

    def __init__(self, found: World, state: Path) -> None:
        self.world, self.state = found, state

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "agent",
            *words,
            "--state",
            str(self.state),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, *words: str) -> tuple[int | None, str, str]:
        """Run a command; its status, output and errors."""
        process = await self.start(*words)
        output, errors = await process.communicate()
        return process.returncode, output.decode(), errors.decode()

    async def enrol(self) -> tuple[int | None, str, str]:
        """Enrol at the world's exchange."""
        return await self("enrol", "--exchange", self.world.url, "--token", TOKEN, "--name", "host 1")


@pytest.fixture
def scenario(tmp_path):
    """Run a coroutine function of (world, commands) in a fresh world."""

    def run(steps: Any) -> None:
        async def main() -> None:
            async with world() as found:
                await steps(found, Commands(found, tmp_path / "state"))

        asyncio.run(main())

    return run


def test_enrolling_sends_the_new_key_and_keeps_the_answer(scenario):
    async def steps(found: World, command: Commands) -> None:
        status, output, _ = await command.enrol()
        assert (status, output) == (0, f"enrolled at {found.url} as {PROVIDER_ID}; models: tiny\n")
        (request,) = found.enrolments
        state = State(command.state)
        assert request["token"] == TOKEN
        assert request["public_key"] == state.signing_key().public.hex()
        assert request["name"] == "host 1"
        enrolment = state.enrolment()
        assert enrolment is not None
        assert enrolment.response.api_key == API_KEY

    scenario(steps)


def test_a_refused_enrolment_is_one_line_and_keeps_the_key_for_the_next_try(scenario):
    async def steps(found: World, command: Commands) -> None:
        found.revoked = True
        status, output, errors = await command.enrol()
        assert (status, output) == (1, "")
        assert errors.splitlines()[-1] == "cux-agent: enrolment failed: invalid_api_key (401): no"
        key = State(command.state).signing_key()
        found.revoked = False
        assert (await command.enrol())[0] == 0
        assert found.enrolments[-1]["public_key"] == key.public.hex()

    scenario(steps)


def test_commands_say_what_is_missing(scenario, tmp_path):
    async def steps(found: World, command: Commands) -> None:
        status, _, errors = await command("run")
        assert status == 1
        assert "not enrolled" in errors
        assert "Traceback" not in errors
        status, _, errors = await command("status")
        assert (status, errors) == (1, f"cux-agent: no agent has run on {command.state}\n")
        status, _, errors = await command("drain")
        assert (status, errors) == (1, f"cux-agent: no agent is running on {command.state}\n")
        status, _, errors = await command("run", "--config", str(tmp_path / "none.toml"))
        assert status == 2
        assert "none.toml" in errors
        await command.enrol()
        status, _, errors = await command("run", "--model", "other", "--engine-url", found.url)
        assert status == 1
        assert errors.splitlines()[-1].endswith("the exchange allows: tiny")
        status, _, errors = await command("run", "--engine-python", "/nowhere/python")
        assert status == 1
        assert "no engine Python at /nowhere/python" in errors

    scenario(steps)


def test_run_enrols_measures_serves_and_drains(scenario):
    async def steps(found: World, command: Commands) -> None:
        command.state.parent.joinpath("agent.toml").write_text(f'exchange = "{found.url}"\nmeasure_s = 1\n')
        words = ("--config", str(command.state.parent / "agent.toml"), "--engine-url", found.url)
        agent = await command.start("run", "--token", TOKEN, "--slots", "2", *words)
        try:
            await found.until(lambda: len(found.measurements) == 1, within_s=30)
            found.leases.put_nowait(found.lease("l1"))
            await found.until(lambda: "l1" in found.results)
            (measured,) = found.measurements
            assert measured["model"] == CARD.model
            assert measured["tokens_per_second"] > 0
            assert measured["seconds"] >= 1
            status, output, _ = await command("status", "--json")
            report = json.loads(output)
            assert (status, report["healthy"], report["pid"]) == (0, True, agent.pid)
            assert [(one["name"], one["status"]) for one in report["engines"]] == [("tiny", "ready")]
            status, _, errors = await command("run", "--engine-url", found.url)
            assert (status, errors.splitlines()[-1][:37]) == (
                1,
                "cux-agent: another agent is running on"[:37],
            )
            await found.until(lambda: _running(command.state) == 0)  # as it last wrote, after the answer
            status, output, _ = await command("drain")
            assert (status, output) == (0, "draining: 0 leases run\n")
            _, errors_of_agent = await agent.communicate()
            assert agent.returncode == 0, errors_of_agent.decode()
        finally:
            if agent.returncode is None:
                agent.kill()
                await agent.communicate()
        assert (await command("status"))[0] == 1, "an agent that is gone is not healthy"
        assert found.delivered("l1") == [100, 101, 102, 103, 104]
        assert found.heartbeats[-1]["draining"] is True
        agent = await command.start("run", "--engine-url", found.url)
        await found.until(
            lambda: found.heartbeats[-1]["models"][0]["ready"] and not found.heartbeats[-1]["draining"]
        )
        agent.send_signal(signal.SIGTERM)
        _, errors_of_agent = await agent.communicate()
        assert agent.returncode == 0, errors_of_agent.decode()
        assert len(found.measurements) == 1, "measured under this card before"

    scenario(steps)


def test_a_revoked_agent_exits_with_its_own_status(scenario):
    async def steps(found: World, command: Commands) -> None:
        await command.enrol()
        agent = await command.start("run", "--engine-url", found.url)
        await found.until(lambda: found.heartbeats != [], within_s=30)
        found.revoked = True
        _, errors = await agent.communicate()
        assert agent.returncode == 3
        assert (
            errors.decode().splitlines()[-1].startswith("cux-agent: the exchange does not accept this agent")
        )

    scenario(steps)


def test_bench_prints_what_it_measured_and_reports_only_if_asked(scenario):
    async def steps(found: World, command: Commands) -> None:
        await command.enrol()
        words = ("bench", "--engine-url", found.url, "--slots", "1", "--seconds", "1")
        status, output, errors = await command(*words, "--no-report")
        assert status == 0, errors
        assert json.loads(output)["model"] == "tiny"
        assert found.measurements == []
        status, output, errors = await command(*words)
        assert status == 0, errors
        assert found.measurements == [json.loads(output)]

    scenario(steps)


def test_maintenance_pauses_claims_at_once_and_the_agent_stays(scenario):
    async def steps(found: World, command: Commands) -> None:
        await command.enrol()
        agent = await command.start("run", "--engine-url", found.url, "--slots", "1")
        try:
            await found.until(lambda: found.claims != [], within_s=30)
            status, output, _ = await command("maintenance", "--minutes", "30")
            assert (status, output) == (0, "maintenance for 30 minutes; 0 leases run\n")
            await found.until(lambda: found.heartbeats[-1]["draining"])
            status, output, _ = await command("status")
            assert "maintenance" in output
            assert "GPUs:" in output
            status, output, _ = await command("maintenance", "--off")
            assert (status, output) == (0, "maintenance is over; 0 leases run\n")
            await found.until(lambda: not found.heartbeats[-1]["draining"])
            found.leases.put_nowait(found.lease("l1"))
            await found.until(lambda: "l1" in found.results, within_s=30)
        finally:
            agent.send_signal(signal.SIGTERM)
            await agent.communicate()
        assert agent.returncode == 0

    scenario(steps)


def test_earnings_say_why(scenario):
    async def steps(found: World, command: Commands) -> None:
        status, _, errors = await command("earnings")
        assert (status, errors.splitlines()[-1]) == (
            1,
            "cux-agent: not enrolled: run `cux-agent enrol` first",
        )
        await command.enrol()
        found.earnings.append(
            {
                "kind": "job",
                "subject_id": "job_1",
                "model": "tiny",
                "card_hash": CARD.card_hash,
                "prompt_tokens": 42,
                "cached_tokens": 0,
                "output_tokens": 8,
                "compute_ucu": 40,
                "paid_nano_usd": 398_000,
                "held_nano_usd": 398_000,
                "price_nano_usd_per_cu": 19_900_000_000,
                "booked_at": "2026-11-23T08:00:00Z",
                "matures_at": "2026-11-30T08:00:00Z",
            }
        )
        status, output, _ = await command("earnings", "--why")
        assert status == 0
        heading, row = (line.split() for line in output.splitlines())
        assert heading[-2:] == ["$/CU", "card"]
        assert row[2:9] == ["job_1", "0.000796000", "0.000398000", "2026-11-30", "08:00:00", "tiny", "42"]
        assert row[9:] == ["0", "8", "40", "19.900000000", CARD.card_hash[:12]]
        status, output, _ = await command("earnings", "--json")
        assert json.loads(output) == found.earnings

    scenario(steps)


def test_the_service_is_printed_before_it_is_installed(scenario):
    async def steps(_found: World, command: Commands) -> None:
        status, output, _ = await command("install-service", "--print", "--user", "cux")
        assert status == 0
        assert f"ReadWritePaths={command.state}" in output
        assert f"-m agent run --state {command.state}\n" in output
        status, _, errors = await command("install-service", "--user", "cux")
        assert (status, "not enrolled" in errors) == (1, True)

    scenario(steps)


def _running(state: Path) -> int | None:
    """Return how many leases the agent said that it runs."""
    status = State(state).status()
    return status.running if status is not None else None
