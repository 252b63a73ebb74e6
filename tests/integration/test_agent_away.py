"""The exchange is away for long: what the agent serves meanwhile is logged, and delivered when it is back."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import delivery
from agent.backoff import Backoff
from tests.integration.agent_world import agent, signature_of, world
from tests.integration.test_agent_daemon import IDS, at_rest, logs

AWAY_S = 15 * 60


def test_a_quarter_of_an_hour_without_the_exchange_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The waits between attempts are shortened; how many attempts a quarter of an hour takes is kept.
    waits, waited_s, attempts = Backoff(), 0.0, 0
    while waited_s < AWAY_S:
        waited_s += waits.next_s()
        attempts += 1
    monkeypatch.setattr(delivery, "Backoff", lambda: Backoff(first_s=0.001, longest_s=0.001))

    async def main() -> None:
        async with world() as found:
            leases = [found.lease(f"l{number}") for number in range(3)]
            found.relay_script = ["unavailable", "break"] * (len(leases) * attempts // 2)
            for lease in leases:
                found.leases.put_nowait(lease)
            async with agent(found, tmp_path):
                await found.until(lambda: len(found.results) == len(leases), within_s=60)
                await at_rest(found, tmp_path)
            assert len(found.completions) == len(leases), "each was generated once"
            for lease in leases:
                assert found.delivered(lease.lease_id) == IDS
                said = found.last_line(lease.lease_id)["provider_signature"]
                assert said == signature_of(lease, IDS, "length")

    asyncio.run(main())


def test_what_was_served_survives_the_agents_own_end_while_the_exchange_is_away(tmp_path: Path) -> None:
    async def main() -> None:
        async with world() as found:
            found.relay_script = ["unavailable"] * 1_000
            found.leases.put_nowait(found.lease("l1"))
            async with agent(found, tmp_path) as (_, running):
                await found.until(lambda: len(found.uploads.get("l1", [])) >= 2)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            assert logs(tmp_path) == ["l1.ndjson"]
            found.relay_script = []
            async with agent(found, tmp_path):
                await found.until(lambda: found.results == {"l1": "accepted"})
                await at_rest(found, tmp_path)
            assert found.delivered("l1") == IDS
            assert len(found.completions) == 1

    asyncio.run(main())


def test_an_answer_is_offered_for_a_quarter_of_an_hour_and_a_minute_past_its_deadline(
    tmp_path: Path,
) -> None:
    def ago(seconds: float) -> str:
        return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")

    async def main() -> None:
        async with world() as found, agent(found, tmp_path):
            found.leases.put_nowait(found.lease("late", deadline=ago(60)))
            await found.until(lambda: found.results == {"late": "accepted"})
            assert found.delivered("late") == IDS
            found.tokens = asyncio.Semaphore(0)
            found.leases.put_nowait(found.lease("gone", deadline=ago(delivery.LATE_S + 1)))
            claimed = len(found.claims)
            await found.until(lambda: len(found.claims) > claimed)
            await at_rest(found, tmp_path)
            assert "gone" not in found.uploads

    asyncio.run(main())
