"""The daemon against an exchange, a relay and an engine that behave, and that fail, over real sockets."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.daemon import NotWelcomeError
from tests.integration.agent_world import KEY, PROVIDER_ID, World, agent, signature_of, world

IDS = [100, 101, 102, 103, 104]


def run(scenario: Callable[[World], Awaitable[None]]) -> None:
    """Run a scenario in a fresh world."""

    async def main() -> None:
        async with world() as found:
            await scenario(found)

    asyncio.run(main())


def logs(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "wal").iterdir())


def logged(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (directory / "wal").iterdir())


async def at_rest(found: World, directory: Path) -> None:
    """Wait until nothing is left to deliver."""
    await found.until(lambda: not logs(directory))


def test_a_lease_is_claimed_generated_signed_and_delivered(tmp_path):
    async def scenario(found: World) -> None:
        lease = found.lease("l1", stop=["END"])
        found.leases.put_nowait(lease)
        async with agent(found, tmp_path):
            await found.until(lambda: "l1" in found.results)
            await at_rest(found, tmp_path)
        assert found.results == {"l1": "accepted"}
        assert found.delivered("l1") == IDS
        assert found.last_line("l1") == {
            "type": "finished",
            "finish_reason": "length",
            "prompt_tokens": 3,
            "output_tokens": 5,
            "provider_signature": signature_of(lease, IDS, "length"),
        }
        (body,) = found.completions
        sampling = {
            k: body[k] for k in ("model", "prompt", "max_tokens", "temperature", "top_p", "seed", "stop")
        }
        assert sampling == {
            "model": "tiny",
            "prompt": [7, 8, 9],
            "max_tokens": 5,
            "temperature": 0.7,
            "top_p": 0.95,
            "seed": 42,
            "stop": ["END"],
        }

    run(scenario)


def test_many_leases_run_at_once_but_no_more_than_there_are_slots(tmp_path):
    async def scenario(found: World) -> None:
        found.tokens = asyncio.Semaphore(0)
        for number in range(6):
            found.leases.put_nowait(found.lease(f"l{number}"))
        async with agent(found, tmp_path, slots=4):
            await found.until(lambda: len(found.completions) == 4)
            await found.until(lambda: found.heartbeats[-1]["free_slots"] == 0)
            assert found.heartbeats[-1]["running"] == ["l0", "l1", "l2", "l3"]
            assert found.leases.qsize() == 2
            for _ in range(6 * 5):
                found.tokens.release()
            await found.until(lambda: len(found.results) == 6)
        assert all(found.delivered(f"l{number}") == IDS for number in range(6))
        assert found.claims[:4] == [4, 3, 2, 1]

    run(scenario)


@pytest.mark.parametrize("fault", ["break", "unavailable"])
def test_an_upload_that_breaks_off_is_sent_again_from_the_first_token(tmp_path, fault):
    async def scenario(found: World) -> None:
        found.tokens = asyncio.Semaphore(2)
        found.relay_script = [fault]
        lease = found.lease("l1")
        found.leases.put_nowait(lease)
        async with agent(found, tmp_path):
            await found.until(lambda: len(found.uploads.get("l1", [])) == 2)
            for _ in range(3):
                found.tokens.release()
            await found.until(lambda: "l1" in found.results)
            await at_rest(found, tmp_path)
        assert len(found.completions) == 1, "the engine went on meanwhile"
        assert found.delivered("l1") == IDS
        assert found.last_line("l1")["provider_signature"] == signature_of(lease, IDS, "length")

    run(scenario)


def test_a_relay_that_wants_no_more_ends_the_generation(tmp_path):
    async def scenario(found: World) -> None:
        found.tokens = asyncio.Semaphore(1)
        found.relay_script = ["superseded"]
        found.leases.put_nowait(found.lease("l1", max_tokens=10_000))
        async with agent(found, tmp_path):
            await found.until(lambda: "l1" in found.results)
            await found.until(lambda: found.aborted == 1)
            await at_rest(found, tmp_path)

    run(scenario)


def test_a_lease_the_relay_does_not_know_is_given_up(tmp_path):
    async def scenario(found: World) -> None:
        found.tokens = asyncio.Semaphore(0)
        found.relay_script = ["unknown"]
        found.leases.put_nowait(found.lease("l1"))
        async with agent(found, tmp_path):
            await found.until(lambda: found.aborted == 1)
            await found.until(lambda: found.heartbeats[-1]["running"] == [])
            await at_rest(found, tmp_path)
        assert len(found.uploads["l1"]) == 1

    run(scenario)


def test_a_canceled_lease_is_aborted_and_signed_as_far_as_it_got(tmp_path):
    async def scenario(found: World) -> None:
        found.tokens = asyncio.Semaphore(2)
        lease = found.lease("l1")
        found.leases.put_nowait(lease)
        async with agent(found, tmp_path):
            await found.until(lambda: "l1" in found.uploads and len(found.delivered("l1")) == 2)
            found.canceled.append("l1")
            await found.until(lambda: "l1" in found.results)
            await at_rest(found, tmp_path)
        assert found.aborted == 1
        assert found.delivered("l1") == IDS[:2]
        assert found.last_line("l1")["finish_reason"] == "abort"
        assert found.last_line("l1")["provider_signature"] == signature_of(lease, IDS[:2], "abort")

    run(scenario)


def test_a_lease_stopped_down_the_control_stream_is_aborted_within_a_second(tmp_path):
    async def scenario(found: World) -> None:
        found.tokens = asyncio.Semaphore(2)
        lease = found.lease("l1", max_tokens=10_000)
        found.leases.put_nowait(lease)
        async with agent(found, tmp_path, heartbeat_s=60.0):
            await found.until(lambda: "l1" in found.uploads and len(found.delivered("l1")) == 2)
            found.stops.put_nowait("l1")
            await found.until(lambda: found.aborted == 1, within_s=1.0)
            await found.until(lambda: "l1" in found.results)
            await at_rest(found, tmp_path)
        assert found.last_line("l1")["finish_reason"] == "abort"
        assert found.last_line("l1")["provider_signature"] == signature_of(lease, IDS[:2], "abort")

    run(scenario)


def test_a_lease_that_continues_an_answer_is_generated_after_prompt_and_prefix(tmp_path):
    async def scenario(found: World) -> None:
        lease = found.lease("l1", prefix_token_ids=[50, 51])
        found.leases.put_nowait(lease)
        async with agent(found, tmp_path):
            await found.until(lambda: "l1" in found.results)
            await at_rest(found, tmp_path)
        assert found.completions[0]["prompt"] == [7, 8, 9, 50, 51]
        assert found.last_line("l1")["provider_signature"] == signature_of(lease, IDS, "length")

    run(scenario)


@pytest.mark.parametrize(
    ("fault", "code", "tokens"), [("break", "engine_failed", 2), ("reject", "invalid_request", 0)]
)
def test_an_engine_that_fails_ends_the_upload_with_failed(tmp_path, fault, code, tokens):
    async def scenario(found: World) -> None:
        found.engine_script = [fault]
        found.leases.put_nowait(found.lease("l1"))
        async with agent(found, tmp_path):
            await found.until(lambda: "l1" in found.results)
            await at_rest(found, tmp_path)
        assert found.delivered("l1") == IDS[:tokens]
        assert found.last_line("l1")["type"] == "failed"
        assert found.last_line("l1")["code"] == code

    run(scenario)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model": "other"}, "unknown_model"),
        ({"card_hash": "0" * 64}, "card_mismatch"),
        ({"model_revision": "sha256:11"}, "revision_mismatch"),
    ],
)
def test_a_lease_for_something_else_is_given_back_unserved(tmp_path, changes, code):
    async def scenario(found: World) -> None:
        found.leases.put_nowait(found.lease("l1", **changes))
        async with agent(found, tmp_path):
            await found.until(lambda: found.given_back == {"l1": code})
        assert (found.completions, found.uploads) == ([], {})

    run(scenario)


def test_nothing_is_claimed_while_the_engine_is_not_ready(tmp_path):
    async def scenario(found: World) -> None:
        found.engine_up = False
        async with agent(found, tmp_path):
            await found.until(lambda: len(found.heartbeats) > 3)
            assert found.heartbeats[-1]["models"][0]["ready"] is False
            assert found.claims == []
            found.engine_up = True
            await found.until(lambda: found.heartbeats[-1]["models"][0]["ready"])
            await found.until(lambda: found.claims == [4])

    run(scenario)


def test_a_drain_asked_for_by_the_exchange_pauses_claims_until_it_is_lifted(tmp_path):
    async def scenario(found: World) -> None:
        found.drain = True
        async with agent(found, tmp_path, claim_wait_s=0):
            await found.until(lambda: len(found.heartbeats) > 3)
            before = len(found.claims)
            await found.until(lambda: len(found.heartbeats) > 6)
            assert len(found.claims) == before
            found.drain = False
            await found.until(lambda: len(found.claims) > before)

    run(scenario)


def test_draining_finishes_what_runs_and_serves_nothing_more(tmp_path):
    async def scenario(found: World) -> None:
        found.tokens = asyncio.Semaphore(1)
        found.leases.put_nowait(found.lease("l1"))
        async with agent(found, tmp_path) as (daemon, running):
            await found.until(lambda: len(found.claims) == 2)
            daemon.stop()
            found.leases.put_nowait(found.lease("l2"))  # the claim that is open brings it
            await found.until(lambda: found.given_back == {"l2": "draining"})
            await found.until(lambda: found.heartbeats[-1]["draining"])
            assert not running.done()
            for _ in range(4):
                found.tokens.release()
            await running
        assert found.delivered("l1") == IDS
        assert found.results == {"l1": "accepted"}

    run(scenario)


def test_a_lease_that_outlasts_the_drain_is_interrupted_and_failed(tmp_path):
    async def scenario(found: World) -> None:
        found.tokens = asyncio.Semaphore(2)
        found.leases.put_nowait(found.lease("l1"))
        async with agent(found, tmp_path, drain_s=0.05, claim_wait_s=0) as (daemon, running):
            await found.until(lambda: "l1" in found.uploads and len(found.delivered("l1")) == 2)
            daemon.stop()
            await running
        assert found.aborted == 1
        assert found.last_line("l1")["code"] == "draining"
        assert logs(tmp_path) == []

    run(scenario)


def test_a_revoked_key_ends_the_agent_once_its_lease_is_delivered(tmp_path):
    async def scenario(found: World) -> None:
        found.tokens = asyncio.Semaphore(1)
        found.leases.put_nowait(found.lease("l1"))
        async with agent(found, tmp_path, claim_wait_s=0) as (_, running):
            await found.until(lambda: len(found.completions) == 1)
            found.revoked = True
            for _ in range(4):
                found.tokens.release()
            with pytest.raises(NotWelcomeError, match="invalid_api_key"):
                await running
        assert found.results == {"l1": "accepted"}

    run(scenario)


def test_what_a_killed_agent_left_is_delivered_or_given_back(tmp_path):
    async def scenario(found: World) -> None:
        found.tokens = asyncio.Semaphore(7)
        found.relay_script = ["unavailable"] * 20
        for lease_id in ("whole", "partial"):
            found.leases.put_nowait(found.lease(lease_id))
        async with agent(found, tmp_path) as (_, running):
            await found.until(lambda: len(found.completions) == 2)
            await found.until(lambda: logged(tmp_path).count(b'"type":') == 8)
            running.cancel()  # as SIGKILL: nothing is finished in an orderly way
            await asyncio.gather(running, return_exceptions=True)
        assert logs(tmp_path) == ["partial.ndjson", "whole.ndjson"]
        finished = [
            name
            for name in ("partial", "whole")
            if b"finished" in (tmp_path / "wal" / f"{name}.ndjson").read_bytes()
        ]
        (whole,) = finished
        (partial,) = {"partial", "whole"} - {whole}
        found.relay_script, found.results, found.tokens = [], {}, None
        async with agent(found, tmp_path):
            await found.until(lambda: found.results == {whole: "accepted"})
            await found.until(lambda: found.given_back == {partial: "agent_restarted"})
            await found.until(lambda: found.heartbeats[-1]["running"] == [])
            await at_rest(found, tmp_path)
        assert found.delivered(whole) == IDS
        assert len(found.completions) == 2, "nothing was generated again"

    run(scenario)


def test_heartbeats_go_on_while_the_exchange_is_away_and_name_the_provider(tmp_path):
    async def scenario(found: World) -> None:
        async with agent(found, tmp_path):
            await found.until(lambda: len(found.heartbeats) >= 3)
        assert found.heartbeats[0]["provider_id"] == PROVIDER_ID
        assert len(KEY.public) == 32

    run(scenario)


class Offers:
    """What keeps offers in the book, as the daemon sees it."""

    problem = ""

    def __init__(self) -> None:
        self.paused = False
        self.looks = 0
        self.withdrawn = False

    def notify(self) -> None:
        self.looks += 1

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def withdraw(self) -> None:
        self.withdrawn = True


def test_offers_pause_in_maintenance_and_leave_the_book_when_the_agent_drains(tmp_path):
    async def scenario(found: World) -> None:
        offers = Offers()
        async with agent(found, tmp_path, offering=offers) as (daemon, running):
            await found.until(lambda: found.claims != [])
            looks = offers.looks
            daemon.state.begin_maintenance(None)
            daemon.look()
            await found.until(lambda: found.heartbeats[-1]["draining"])
            assert offers.paused
            assert offers.looks > looks
            daemon.state.end_maintenance()
            await found.until(lambda: not found.heartbeats[-1]["draining"])
            assert (offers.paused, offers.withdrawn) == (False, False)
            daemon.stop()
            await running
            assert offers.withdrawn

    run(scenario)


def test_systemd_is_told_that_the_agent_is_ready_lives_and_stops(tmp_path, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr("agent.systemd.notify", told.append)
    monkeypatch.setenv("WATCHDOG_USEC", "30000")

    async def scenario(found: World) -> None:
        async with agent(found, tmp_path, claim_wait_s=0) as (daemon, running):
            await found.until(lambda: told.count("WATCHDOG=1") >= 3)
            daemon.stop()
            await running

    run(scenario)
    assert told[0] == "READY=1"
    assert told.count("STOPPING=1") == 1
