"""How an answer's choices tell of it in OpenAI's words."""

from uuid import UUID

import pytest

from api.openai.choices import ChatChoice, TextChoice


@pytest.mark.parametrize(("ended", "told"), [("stop", "stop"), ("length", "length"), ("abort", "length")])
def test_an_answer_that_was_stopped_at_its_deadline_was_cut_short(ended: str, told: str) -> None:
    assert TextChoice().finish_reason(ended) == told
    assert ChatChoice(UUID(int=1)).finish_reason(ended) == told
