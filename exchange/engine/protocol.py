"""The JSON-lines protocol: one command a line in, one event a line out."""

from collections.abc import Sequence
from io import BufferedIOBase
from typing import TypeAlias

import msgspec

from exchange.engine.engine import Engine
from exchange.engine.events import Event
from exchange.engine.orders import Order, Phase

CHUNK_BYTES = 1 << 16


class Reset(msgspec.Struct, tag_field="op", tag="reset"):
    """Start again with a fresh, empty engine."""


New: TypeAlias = Order


class Cancel(msgspec.Struct, tag_field="op", tag="cancel"):
    """Cancel a resting order."""

    id: str


class Expire(msgspec.Struct, tag_field="op", tag="expire"):
    """Take out a resting order whose time is over."""

    id: str


class Replace(msgspec.Struct, tag_field="op", tag="replace"):
    """Change price and open quantity of a resting order."""

    id: str
    price: int
    qty: int


class SetPhase(msgspec.Struct, tag_field="op", tag="phase"):
    """Change the trading phase."""

    phase: Phase


class ShowIndicative(msgspec.Struct, tag_field="op", tag="indicative"):
    """Ask what an uncross would do."""

    reference_price: int


class Uncross(msgspec.Struct, tag_field="op", tag="uncross"):
    """Execute the auction."""

    reference_price: int


class ShowBook(msgspec.Struct, tag_field="op", tag="book"):
    """Ask for every resting order."""


class ResetDone(msgspec.Struct, frozen=True, tag_field="ev", tag="reset"):
    """The answer to a reset."""


Operation = New | Cancel | Expire | Replace | SetPhase | ShowIndicative | Uncross | ShowBook
Command = Reset | Operation


def apply(engine: Engine, operation: Operation) -> list[Event]:
    """Run one operation on an engine and give its events, the answer first."""
    match operation:
        case New():
            return engine.new(operation)
        case Cancel(id):
            return engine.cancel(id)
        case Expire(id):
            return engine.expire(id)
        case Replace(id, price, qty):
            return engine.replace(id, price, qty)
        case SetPhase(phase):
            return engine.phase(phase)
        case ShowIndicative(reference_price):
            return engine.indicative(reference_price)
        case Uncross(reference_price):
            return engine.uncross(reference_price)
        case ShowBook():
            return engine.book()


class Session:
    """One conversation: an engine and the commands applied to it."""

    def __init__(self) -> None:
        self.engine = Engine()

    def apply(self, command: Command) -> Sequence[Event | ResetDone]:
        """Run one command and give its events, the answer first."""
        if isinstance(command, Reset):
            self.engine = Engine()
            return [ResetDone()]
        return apply(self.engine, command)


def serve(commands: BufferedIOBase, events: BufferedIOBase) -> None:
    """Answer commands until the input ends; flushes after each chunk, so it also serves a dialogue.

    Raises msgspec.DecodeError on a line that is no command.
    """
    session = Session()
    decoder = msgspec.json.Decoder(Command)
    encoder = msgspec.json.Encoder()
    rest = b""
    while chunk := commands.read1(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        _answer(session, lines, decoder, encoder, events)
    _answer(session, [rest], decoder, encoder, events)


def _answer(
    session: Session,
    lines: list[bytes],
    decoder: msgspec.json.Decoder[Command],
    encoder: msgspec.json.Encoder,
    events: BufferedIOBase,
) -> None:
    for line in lines:
        if line.strip():
            events.write(encoder.encode_lines(session.apply(decoder.decode(line))))
    events.flush()
