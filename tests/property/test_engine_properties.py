"""The engine keeps every property of `engine_properties` in every conversation."""

from typing import Any

import pytest
from hypothesis import given, settings

from exchange.engine import protocol
from tests.property.engine_commands import COMMANDS
from tests.property.engine_properties import PROPERTIES


@pytest.mark.parametrize("name", PROPERTIES)
def test_the_engine_keeps(name: str) -> None:
    @settings(max_examples=200 if name == "agrees_with_the_naive_book" else 60, deadline=None)
    @given(COMMANDS)
    def check(commands: list[dict[str, Any]]) -> None:
        PROPERTIES[name](protocol, commands)

    check()
