"""The JSON-lines protocol, through the command line."""

import json
import subprocess
import sys
from io import BytesIO
from typing import Any

import msgspec
import pytest

from exchange.engine.protocol import serve

Json = dict[str, Any]


def limit(
    id: str, account: str, side: str, price: int, qty: int, stp: str = "none", post_only: bool = False
) -> Json:
    return {
        "op": "new",
        "id": id,
        "account": account,
        "side": side,
        "type": "limit",
        "tif": "GTC",
        "price": price,
        "qty": qty,
        "post_only": post_only,
        "stp": stp,
    }


MARKET = {
    "op": "new",
    "id": "b3",
    "account": "D",
    "side": "buy",
    "type": "market",
    "tif": "GTC",
    "qty": 5,
    "post_only": False,
    "stp": "none",
}
TALK: list[tuple[Json, list[Json]]] = [
    (limit("s1", "A", "sell", 101, 5), [{"ev": "accepted", "id": "s1"}]),
    (limit("s2", "B", "sell", 100, 4), [{"ev": "accepted", "id": "s2"}]),
    (
        limit("b1", "A", "buy", 101, 6, stp="cancel_taker"),
        [
            {"ev": "accepted", "id": "b1"},
            {"ev": "trade", "maker": "s2", "taker": "b1", "price": 100, "qty": 4},
            {"ev": "canceled", "id": "b1", "qty": 2, "reason": "stp"},
        ],
    ),
    (
        {"op": "replace", "id": "s1", "price": 101, "qty": 2},
        [{"ev": "replaced", "id": "s1", "price": 101, "qty": 2, "priority_kept": True}],
    ),
    ({"op": "indicative", "reference_price": 1}, [{"ev": "rejected", "op": "indicative", "reason": "phase"}]),
    ({"op": "phase", "phase": "auction"}, [{"ev": "phase", "phase": "auction"}]),
    (MARKET, [{"ev": "accepted", "id": "b3"}]),
    ({"op": "book"}, [{"ev": "book", "bids": [[None, 5, ["b3"]]], "asks": [[101, 2, ["s1"]]]}]),
    (
        {"op": "indicative", "reference_price": 1},
        [{"ev": "indicative", "price": 101, "volume": 2, "surplus": 3}],
    ),
    (
        {"op": "uncross", "reference_price": 100},
        [
            {"ev": "indicative", "price": 101, "volume": 2, "surplus": 3},
            {"ev": "trade", "maker": "s1", "taker": "b3", "price": 101, "qty": 2},
            {"ev": "canceled", "id": "b3", "qty": 3, "reason": "market"},
        ],
    ),
    (
        {"op": "cancel", "id": "s1"},
        [{"ev": "rejected", "op": "cancel", "id": "s1", "reason": "unknown_order"}],
    ),
    ({"op": "reset"}, [{"ev": "reset"}]),
    ({"op": "uncross", "reference_price": 1}, [{"ev": "rejected", "op": "uncross", "reason": "phase"}]),
]


def spoken(lines: bytes) -> list[Json]:
    return [json.loads(line) for line in lines.splitlines()]


def test_a_conversation_over_standard_input_and_output() -> None:
    said = "\n\n \r\n".join(json.dumps(command) for command, _ in TALK).encode()

    done = subprocess.run(
        [sys.executable, "-m", "exchange.engine"], input=said, capture_output=True, check=True, timeout=30
    )

    assert spoken(done.stdout) == [event for _, events in TALK for event in events]
    assert done.stderr == b""


def test_an_event_comes_before_the_next_command_is_sent() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "exchange.engine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as talk:
        assert talk.stdin is not None
        assert talk.stdout is not None
        for command, events in TALK:
            talk.stdin.write(json.dumps(command).encode() + b"\n")
            talk.stdin.flush()
            assert [json.loads(talk.stdout.readline()) for _ in events] == events


def test_a_command_may_arrive_in_pieces() -> None:
    class Dribble(BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(7)

    events = BytesIO()
    serve(Dribble("\n".join(json.dumps(command) for command, _ in TALK).encode()), events)

    assert spoken(events.getvalue()) == [event for _, events in TALK for event in events]


def test_a_line_that_is_no_command_is_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        serve(BytesIO(b'{"op":"explode"}\n'), BytesIO())
