"""A thought is parted from its answer however the text comes in pieces."""

import pytest

from inference.gate.thought import ThoughtReader, answer_starts


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_thought_is_parted_wherever_its_text_is_cut(size: int) -> None:
    text = "8+9=17; </ is <b</think>57 </think> "
    reader = ThoughtReader(thinks=True)
    pieces = [reader.add(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join(thought for thought, _ in pieces) == "8+9=17; </ is <b"
    assert "".join(answer for _, answer in pieces) == "57 </think> "
    assert reader.flush() == ""


def test_what_looks_like_the_end_of_a_thought_is_given_out_at_the_end() -> None:
    reader = ThoughtReader(thinks=True)
    assert reader.add("so </thi") == ("so ", "")
    assert (reader.flush(), reader.flush()) == ("</thi", "")


def test_who_does_not_think_only_answers() -> None:
    reader = ThoughtReader(thinks=False)
    assert reader.add("5</think>7") == ("", "5</think>7")
    assert reader.flush() == ""


def test_an_answer_starts_after_the_token_that_completes_the_end_of_the_thought() -> None:
    assert answer_starts(["1", "</", "think", ">", "5", "<|im_end|>"]) == 4
    assert answer_starts(["1</think>5", "7"]) == 1
    assert answer_starts(["1", "</", "think"]) is None
