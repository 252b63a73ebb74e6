"""Codes of refusals, as clients see them and back."""

import pytest

from core.errors import Code


@pytest.mark.parametrize("code", Code)
def test_a_code_is_found_again_by_what_clients_see(code: Code) -> None:
    assert Code.of_wire(code.wire, otherwise=Code.INTERNAL) is code


@pytest.mark.parametrize("wire", ["", "no_such_code", "mro"])
def test_what_no_code_is_called_is_the_other_one(wire: str) -> None:
    assert Code.of_wire(wire, otherwise=Code.JOB_FAILED) is Code.JOB_FAILED
