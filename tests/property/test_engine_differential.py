"""The engine and the naive oracle answer every conversation alike, event by event, as JSON."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.engine.protocol import Command, Session
from tests.oracles.naive_book import NaiveBook
from tests.property.engine_commands import ANYTHING, AUCTION, CONTINUOUS

SHOW = {"op": "book"}


def answer(session: Session, command: dict[str, Any]) -> list[dict[str, Any]]:
    events = session.apply(msgspec.convert(command, Command))
    return msgspec.json.decode(msgspec.json.encode(events), type=list[dict[str, Any]])


@settings(max_examples=250, deadline=None)
@given(st.one_of(CONTINUOUS, ANYTHING, AUCTION))
def test_engine_and_oracle_agree(commands: list[dict[str, Any]]) -> None:
    session, oracle = Session(), NaiveBook()
    for command in commands:
        assert answer(session, command) == oracle.apply(command)
        assert answer(session, SHOW) == oracle.apply(SHOW)
        assert session.engine.depth(99) == (oracle.depth("buy"), oracle.depth("sell"))
