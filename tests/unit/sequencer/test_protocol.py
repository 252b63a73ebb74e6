"""Frames on the socket."""

from uuid import UUID

import pytest

from exchange.sequencer import protocol as p
from exchange.sequencer.kinds import MAX_PROVIDERS

COMMANDS: list[p.Command] = [
    p.NewOrder(organisation_id=UUID(int=1), instrument="x", side="buy", price_ticks=1, quantity_lots=2),
    p.CancelOrder(UUID(int=1), "k", UUID(int=2)),
    p.ReplaceOrder(UUID(int=1), None, UUID(int=2), 3, 4),
    p.CancelAll(UUID(int=1), "k", "x"),
    p.Fund(UUID(int=1), 2**63 - 1, "k"),
    p.Defund(UUID(int=1), 1, "k"),
    p.SetCapacity(UUID(int=1), "c", 1, 2, "k"),
    p.SetPhase("x", "halted"),
    p.Inspect(),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_survives_the_socket(command):
    (body,) = p.frames(bytearray(p.frame(p.Request(7, command))))
    assert p.decode_request(body) == p.Request(7, command)


def test_frames_are_taken_as_they_become_complete():
    replies = [p.reply_frame(n, p.Verdict(200, {"n": n})) for n in range(3)]
    buffer = bytearray()
    taken = []
    for byte in b"".join(replies):
        buffer.append(byte)
        taken += p.frames(buffer)
    assert [p.decode_reply(body).id for body in taken] == [0, 1, 2]
    assert not buffer


def test_frame_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="at most"):
        p.frames(bytearray((p.MAX_FRAME_BYTES + 1).to_bytes(4, "big")))


def test_the_largest_batch_fits_a_frame():
    providers = tuple(UUID(int=number) for number in range(MAX_PROVIDERS))
    item = p.NewOrder(
        organisation_id=UUID(int=1),
        instrument="x" * 80,
        side="buy",
        tif="IOC",
        price_ticks=2**63 - 1,
        quantity_lots=2**31,
        client_order_id="c" * 48,
        only_providers=providers,
        ignore_providers=providers,
    )
    batch = p.Batch(UUID(int=1), "k" * 255, (item,) * p.BATCH_MAX)
    caller = p.Caller(UUID(int=2), 2**31 - 1, 2**31 - 1)
    assert len(p.frame(p.Request(2**31, batch, caller))) <= p.MAX_FRAME_BYTES


def test_verdict_may_be_longer_than_any_command():
    reply = p.reply_frame(1, p.Verdict(201, {"trades": ["x" * 100] * 30_000}))
    assert len(reply) > p.MAX_FRAME_BYTES
    (body,) = p.frames(bytearray(reply), p.MAX_REPLY_BYTES)
    assert len(p.decode_reply(body).verdict.body["trades"]) == 30_000


def test_digest_tells_bodies_apart():
    first, again = COMMANDS[4], p.Fund(UUID(int=1), 2**63 - 1, "k")
    assert p.body_sha256(first) == p.body_sha256(again)
    assert p.body_sha256(first) != p.body_sha256(p.Fund(UUID(int=1), 1, "k"))
    assert p.body_sha256(first) != p.body_sha256(p.Defund(UUID(int=1), 2**63 - 1, "k"))
