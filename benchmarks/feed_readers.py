"""Readers of a market's stream in a process of their own: `main` with port, symbol and number of readers.

Raw sockets and epoll: while the load runs, what arrives is only kept with its time. It says `ready` when
every reader has its snapshot (or was sent away), stops at a line of standard input, and then follows every
stream as a client would: gapless numbers, the book rebuilt, every checksum compared. It prints one JSON
object.
"""

import json
import os
import resource
import select
import socket
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from cux.client.errors import OutOfStepError
from cux.client.sse import Decoder
from cux.client.streams import BookStream
from cux.wire.streams import MarketDelta

SNAPSHOT = b"event: snapshot"
WARM_UP_S = 1.0


@dataclass
class Stream:
    """One connection: what came on it, and when."""

    pieces: list[tuple[float, bytes]] = field(default_factory=list)

    def bodies(self) -> Iterator[tuple[float, bytes]]:
        """Yield the parts of the body, out of their chunks, with the times at which they were complete."""
        rest, in_body = b"", False
        for at, piece in self.pieces:
            rest += piece
            if not in_body:
                _, end, after = rest.partition(b"\r\n\r\n")
                in_body, rest = bool(end), after if end else rest
            while in_body and b"\r\n" in rest:
                size, _, after = rest.partition(b"\r\n")
                length = int(size, 16)
                if len(after) < length + 2:
                    break
                yield at, after[:length]
                rest = after[length + 2 :]


def connect(port: int, path: str, count: int) -> dict[int, tuple[socket.socket, Stream]]:
    """Open the connections and ask for the stream on each."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode()
    readers = {}
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port), timeout=30)
        one.sendall(request)
        one.setblocking(False)
        readers[one.fileno()] = (one, Stream())
    return readers


def listen(readers: dict[int, tuple[socket.socket, Stream]]) -> list[int]:
    """Keep what comes until a line says what the last event and its checksum were; return them."""
    waiting = set(readers)
    with select.epoll() as poll:
        poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
        for number in readers:
            poll.register(number, select.EPOLLIN)
        while True:
            for number, _ in poll.poll():
                if number == sys.stdin.fileno():
                    return [int(word) for word in os.read(number, 64).split()]
                one, stream = readers[number]
                piece = one.recv(1 << 18)
                if not piece:  # the server ended it: the stream will not be sound
                    poll.unregister(number)
                stream.pieces.append((time.time(), piece))
                if number in waiting and (SNAPSHOT in piece or not piece):
                    waiting.discard(number)
                    if not waiting:
                        print("ready", flush=True)


def examine(streams: list[Stream], symbol: str, last: int, crc: int) -> dict[str, Any]:
    """Follow every stream; an event that never came counts as late as the end of the run."""
    sent_at: dict[int, float] = {}
    came_at: defaultdict[int, list[float]] = defaultdict(list)
    sound, checks = 0, 0
    for stream in streams:
        reader, decoder, verified = BookStream(symbol), Decoder(), set()
        try:
            for at, body in stream.bodies():
                for event in decoder.feed(body):
                    reader.take(event)
                    verified.add(reader.verified_seq)
                    if event.name == "delta":
                        delta = msgspec.json.decode(event.data, type=MarketDelta)
                        sent_at[delta.seq] = datetime.fromisoformat(delta.at).timestamp()
                        came_at[delta.seq].append(at)
        except OutOfStepError:
            continue
        sound += (reader.seq, reader.book.checksum()) == (last, crc)
        checks += len(verified - {0})
    return {"sound": sound, "checks": checks, **delays(sent_at, came_at, len(streams))}


def delays(sent_at: dict[int, float], came_at: dict[int, list[float]], readers: int) -> dict[str, Any]:
    """Return the spread of the delays, from decision to receipt, in milliseconds."""
    if not sent_at:
        return {"events": 0}
    end = max(max(times) for times in came_at.values())
    begin = min(sent_at.values()) + WARM_UP_S
    events = [seq for seq, at in sent_at.items() if at >= begin]
    samples = [
        (at - sent_at[seq]) * 1_000
        for seq in events
        for at in came_at[seq] + [end] * (readers - len(came_at[seq]))
    ]
    cuts = statistics.quantiles(samples, n=1_000)
    missing = sum(readers - len(came_at[seq]) for seq in events)
    return {
        "events": len(events),
        "missing": missing,
        "p50_ms": cuts[499],
        "p99_ms": cuts[989],
        "p999_ms": cuts[998],
    }


def main() -> None:
    """Read, then tell."""
    port, symbol, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    readers = connect(port, f"/v1/stream/market/{symbol}", count)
    last, crc = listen(readers)
    used = time.process_time()
    streams = [stream for _, stream in readers.values()]
    print(json.dumps(examine(streams, symbol, last, crc) | {"cpu_s": used}), flush=True)
