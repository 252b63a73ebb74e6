"""Where an answer can be taken up: before what belongs to a stop sequence, and before its end."""

from pathlib import Path

import pytest

from inference.engines.seam import seam
from inference.engines.tokenizer import ModelTokenizer, load_tokenizer
from tests.integration.inference.scene import EOS, byte_tokenizer


@pytest.fixture
def tokenizer(tmp_path: Path) -> ModelTokenizer:
    """One token a byte; `EOS` is special."""
    byte_tokenizer(tmp_path)
    return load_tokenizer(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "stops", "taken_up"),
    [
        ("abc", [], 3),
        ("abc", ["END"], 3),
        ("abcEN", ["END"], 3),  # "EN" may become "END": held, and generated again
        ("abENcd", ["END"], 6),
        ("abEND", ["END"], 2),  # the answer had ended, and nobody signed it
        ("abENDcd", ["END"], 2),
        ("ab\n", ["\n\n", "b\n"], 1),
        ("héX", ["X"], 3),
        ("X", ["X"], 0),
        ("", ["X"], 0),
    ],
)
def test_an_answer_is_taken_up_before_a_stop_sequence_may_have_begun(
    tokenizer: ModelTokenizer, text: str, stops: list[str], taken_up: int
) -> None:
    assert seam(tokenizer, tokenizer.text_ids(text), stops=stops, max_tokens=20) == taken_up


def test_a_character_that_is_not_complete_is_generated_again_where_text_decides(
    tokenizer: ModelTokenizer,
) -> None:
    ids = tokenizer.text_ids("aé")[:2]
    assert seam(tokenizer, ids, stops=[], max_tokens=20) == 2
    assert seam(tokenizer, ids, stops=["X"], max_tokens=20) == 1


def test_the_end_of_an_answer_is_left_to_who_signs_for_it(tokenizer: ModelTokenizer) -> None:
    ids = tokenizer.text_ids("abc")
    assert seam(tokenizer, [*ids, EOS], stops=[], max_tokens=20) == 3
    assert seam(tokenizer, ids, stops=[], max_tokens=3) == 2
