"""What the end of a stream that cancels on disconnect leaves behind."""

import asyncio
from uuid import UUID

import pytest

from api import disconnects
from exchange.sequencer.protocol import CancelAll, Command, SetDeadMan, Verdict

ANN = UUID(int=2)


@pytest.mark.parametrize("left", [[], ["an order that a halted book keeps"]])
def test_the_switch_stays_on_for_what_could_not_be_cancelled(monkeypatch, left):
    sent: list[Command] = []

    async def submit(command: Command) -> Verdict:
        sent.append(command)
        return Verdict(200, {})

    async def scenario() -> None:
        async with disconnects.cancelling_at_end(ANN):
            pass

    monkeypatch.setattr(disconnects.client, "submit", submit)
    monkeypatch.setattr(disconnects, "order_list", lambda **_: left)
    asyncio.run(scenario())
    turned_off = [] if left else [SetDeadMan(ANN, 0)]
    assert sent == [CancelAll(ANN, reason="disconnected"), *turned_off]
