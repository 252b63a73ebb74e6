"""Server-sent events: bytes in, events out. Follows the WHATWG rules for `text/event-stream`."""

import re
from dataclasses import dataclass, field

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `id` is the last one the stream gave, which a reconnecting client sends back."""

    name: str
    data: bytes
    id: str | None = None


@dataclass(slots=True)
class Decoder:
    """Takes the pieces of one connection's stream as they come, however they are cut."""

    last_id: str | None = None
    _rest: bytes = b""
    _name: str = ""
    _data: list[bytes] = field(default_factory=list)

    def feed(self, piece: bytes) -> list[Event]:
        """Return the events that `piece` completes.

        Lines end in CR, LF or both, and in nothing else: JSON may hold other separators that Unicode knows.
        """
        buffer = self._rest + piece
        held = b"\r" if buffer.endswith(b"\r") else b""  # the LF of a CR LF may be in the next piece
        *lines, self._rest = _LINE_END.split(buffer.removesuffix(held))
        self._rest += held
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode(errors="replace")
        elif name == b"id" and b"\0" not in value:
            self.last_id = value.decode(errors="replace")
        return None

    def _dispatch(self) -> Event | None:
        name, data = self._name or "message", self._data
        self._name, self._data = "", []
        return Event(name, b"\n".join(data), self.last_id) if data else None
