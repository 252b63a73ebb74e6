"""Streams: however they are cut they read the same, and a watched one survives lost connections."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any
from zlib import crc32 as crc

import httpx
import pytest

from cux.client import CuxConnectionError, NotFoundError, UnavailableError
from cux.client.sse import Decoder, Event
from cux.client.streams import BookStream
from cux.client.views import Market
from tests.unit.client.exchange import ORDER, Script, broken_stream, refused, sse, stream

TEXT = (
    b"\xef: x\r\n: still here\r\rid: 7\revent: update\n"
    b'data: {"a":\r\ndata:  "\xe2\x80\xa8"}\r\n\r\ndata\n\ndata: z\n\n'
)


def test_events_are_the_same_however_the_stream_is_cut() -> None:
    wanted = [
        Event("update", b'{"a":\n "\xe2\x80\xa8"}', "7"),
        Event("message", b"", "7"),
        Event("message", b"z", "7"),
    ]
    for size in range(1, len(TEXT) + 1):
        decoder = Decoder()
        pieces = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
        assert [event for piece in pieces for event in decoder.feed(piece)] == wanted


def trade(seq: int) -> dict[str, Any]:
    return {
        "trade_id": f"trd_{seq}",
        "instrument": "x",
        "seq": seq,
        "price_ticks": 2_000,
        "quantity_lots": 1,
        "taker_side": "buy",
        "executed_at": "2026-08-01T12:00:00Z",
    }


def snapshot(seq: int, *trades: int, **other: Any) -> bytes:
    book = {"bids": [[1_990, 5]], "asks": [[2_000, 3]], "crc": crc(b"bid:1990:5,ask:2000:3,")}
    facts = {"instrument": "x", "seq": seq, "phase": "continuous", "trades": [trade(n) for n in trades]}
    return sse(facts | book | other, event_id=str(seq), name="snapshot")


AUCTION = {
    "auction_id": "auc_1",
    "kind": "scheduled",
    "state": "input",
    "price_ticks": 1_998,
    "volume_lots": 5,
    "surplus_lots": -2,
    "no_cancel_at": "2026-08-01T12:00:20Z",
    "closes_by": "2026-08-01T12:00:40Z",
}


def delta(seq: int, *trades: int, **other: Any) -> bytes:
    facts = {"seq": seq, "at": "2026-08-01T12:00:00Z", "trades": [trade(n) for n in trades]}
    return sse(facts | other, event_id=str(seq), name="delta")


def shown(markets: Iterator[Market]) -> list[list[int]]:
    return [[one.seq for one in market.trades] for market in markets]


def interrupted() -> Script:
    return Script(
        broken_stream(snapshot(5, 2, 1), delta(6, 3), b"id: 9\ndata: {"),
        httpx.ConnectError("refused"),
        refused(503, "dependency_unavailable", type="unavailable_error", retry_after="0"),
        stream(b": still here\n\n", snapshot(8, 4, 3, 2, reason="resync")),
        stream(delta(9)),
    )


def test_watching_goes_on_where_the_connection_was_lost() -> None:
    script = interrupted()
    with script.client() as client:
        assert shown(islice(client.market_watch("x"), 4)) == [[2, 1], [3], [4], []]
    asked = [request.headers.get("Last-Event-ID") for request in script.requests]
    assert asked == [None, "6", "6", "6", "8"]


def test_a_trade_that_was_undone_is_told() -> None:
    script = Script(stream(snapshot(5, 2, 1), delta(6, busts=[trade(1) | {"is_busted": True}])))
    with script.client() as client:
        _, after = islice(client.market_watch("x"), 2)
    assert [(one.seq, one.is_busted) for one in after.busts] == [(1, True)]
    assert after.trades == []


def test_the_asynchronous_client_goes_on_likewise() -> None:
    script = interrupted()

    async def watch() -> list[list[int]]:
        seen = []
        async with script.async_client() as client:
            async for view in client.market_watch("x"):
                seen.append([one.seq for one in view.trades])
                if len(seen) == 4:
                    break
        return seen

    assert asyncio.run(watch()) == [[2, 1], [3], [4], []]


def test_a_book_is_kept_level_by_level_and_verified() -> None:
    reader = BookStream("x", depth=1)
    decoder = Decoder()
    told = [
        snapshot(4),
        delta(5, levels=[["bid", 1_995, 7], ["ask", 2_000, 0]]),
        delta(6, phase="auction", auction=AUCTION, crc=crc(b"bid:1995:7,bid:1990:5,")),
        delta(7),
    ]
    seen = [reader.take(event) for piece in told for event in decoder.feed(piece)]
    assert [(one.book.seq, one.book.bids, one.book.asks) for one in seen] == [
        (4, [(1_990, 5)], [(2_000, 3)]),
        (5, [(1_995, 7)], []),
        (6, [(1_995, 7)], []),
        (7, [(1_995, 7)], []),
    ]
    assert [one.auction and one.auction.price_ticks for one in seen] == [None, None, 1_998, 1_998]
    assert [one.book.phase for one in seen] == ["continuous", "continuous", "auction", "auction"]
    assert (reader.seq, reader.verified_seq, reader.book.bids(9)) == (7, 6, [(1_995, 7), (1_990, 5)])


@pytest.mark.parametrize("wrong", [delta(7), delta(5), delta(6, crc=1)])
def test_a_gap_or_another_checksum_begins_again_with_a_snapshot(wrong: bytes) -> None:
    script = Script(stream(snapshot(5), wrong), stream(snapshot(9), delta(10)))
    with script.client() as client:
        seen = [market.book.seq for market in islice(client.market_watch("x"), 3)]
    assert seen == [5, 9, 10]
    assert [request.headers.get("Last-Event-ID") for request in script.requests] == [None, None]


def test_an_account_is_kept_order_by_order() -> None:
    money = {"posted_nano_usd": 9, "held_nano_usd": 4, "available_nano_usd": 5}
    more = {"earnings_nano_usd": 0, "hold_back_nano_usd": 0, "available_usd": "0"}
    first = {"seq": 3, "balances": money | more, "open_orders": [ORDER], "has_more": False}
    told = [
        sse(first, event_id="3", name="snapshot"),
        event(4, "order", order=ORDER | {"order_id": "ord_2"}),
        event(5, "fill", trade=trade(1)),
        event(6, "order", order=ORDER | {"status": "filled", "leaves_lots": 0}),
        event(7, "wallet", wallet=money | {"available_nano_usd": 1}),
    ]
    script = Script(stream(*told))
    with script.client() as client:
        seen = list(islice(client.account_watch(cancel_on_disconnect=True), 5))
    assert [[order.order_id for order in one.open_orders] for one in seen] == [
        ["ord_1"],
        ["ord_1", "ord_2"],
        ["ord_1", "ord_2"],
        ["ord_2"],
        ["ord_2"],
    ]
    assert [one.wallet.available_nano_usd for one in seen] == [5, 5, 5, 5, 1]
    assert [one.event and one.event.type for one in seen] == [None, "order", "fill", "order", "wallet"]
    assert script.requests[0].url.params["cancel_on_disconnect"] == "true"


def event(seq: int, kind: str, **body: Any) -> bytes:
    facts = {"seq": seq, "at": "2026-08-01T12:00:00Z", "type": kind}
    return sse(facts | body, event_id=str(seq), name=kind)


def test_watching_ends_with_a_refusal_that_waiting_does_not_change() -> None:
    script = Script(refused(404, "unknown_instrument"))
    with script.client() as client, pytest.raises(NotFoundError):
        next(client.market_watch("x"))


def test_watching_gives_up_when_nothing_comes_any_more() -> None:
    lost = httpx.ConnectError("refused")
    script = Script(stream(snapshot(5, 1)), lost, lost, lost)
    with script.client() as client, pytest.raises(CuxConnectionError):
        list(client.market_watch("x"))
    assert len(script.requests) == 4


def chunk(text: str, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    return sse({"id": "chatcmpl-1", "model": "m", "choices": [choice], "usage": None})


USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_tokens": 5,
    "cux": {
        "compute_ucu": 9,
        "quote_ucu": 12,
        "cost_nano_usd": 180_000,
        "cost_usd": "0.00018",
        "card_hash": "h",
        "job_id": "job_1",
    },
}
LAST = sse({"id": "chatcmpl-1", "model": "m", "choices": [], "usage": USAGE})


def test_an_answer_streams_in_and_ends_with_its_usage() -> None:
    script = Script(stream(chunk("two\u2028"), chunk("lines", "stop"), LAST, b"data: [DONE]\n\n"))
    with script.client() as client:
        pieces = list(client.chat_stream("m", "hi", max_tokens=2))
    assert "".join(piece.text for piece in pieces) == "two\u2028lines"
    assert [piece.finish_reason for piece in pieces] == [None, "stop", None]
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.cux.cost_nano_usd == 180_000
    assert b'"stream":true' in script.requests[0].content
    assert script.keys[0] is not None


def test_an_error_within_an_answer_is_raised() -> None:
    error = {"error": {"type": "unavailable_error", "code": "job_failed", "message": "No."}}
    script = Script(stream(chunk("two"), sse(error)))
    with script.client() as client, pytest.raises(UnavailableError, match="No"):
        list(client.chat_stream("m", "hi"))


@pytest.mark.parametrize("answer", [stream(chunk("two")), broken_stream(chunk("two"))])
def test_an_answer_that_breaks_off_is_no_answer_and_not_asked_for_again(answer: httpx.Response) -> None:
    script = Script(answer)
    with script.client() as client:
        pieces = client.chat_stream("m", "hi")
        assert next(pieces).text == "two"
        with pytest.raises(CuxConnectionError):
            next(pieces)
    assert len(script.requests) == 1
