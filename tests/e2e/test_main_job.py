"""The main job, whole: what `make demo` shows is what this test demands."""

import pytest

from config.demo.steps import STEPS
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]


def test_from_offers_to_a_verified_receipt(stack: Stack) -> None:
    said: list[str] = []
    market = stack.market(said.append)
    try:
        for _title, step in STEPS:
            step(market)
    finally:
        market.close()
    usage = market.found["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] <= 48
    assert "Paris" in "\n".join(said)
    assert any("trial balance: 0" in line for line in said)
