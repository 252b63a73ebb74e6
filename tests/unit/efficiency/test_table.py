"""A table comes back as it was written, and a hole in it is named."""

from pathlib import Path

import msgspec
import pytest

from inference.efficiency.table import read_table, write_table
from tests.unit.efficiency.scene import EASY, HARD, ORIGIN, QUESTIONS


def test_a_table_comes_back_and_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.gz", tmp_path / "b.gz"
    write_table(first, ORIGIN, QUESTIONS)
    write_table(second, ORIGIN, iter(QUESTIONS))
    assert first.read_bytes() == second.read_bytes()
    table = read_table(first)
    assert (table.origin, table.questions) == (ORIGIN, QUESTIONS)
    assert table.of_split("test") == QUESTIONS
    assert table.of_split("validation") == ()


def test_a_question_that_lacks_a_rung_is_named(tmp_path: Path) -> None:
    holed = msgspec.structs.replace(HARD, outcomes={**HARD.outcomes, "think-30": ()})
    write_table(tmp_path / "t.gz", ORIGIN, [EASY, holed])
    with pytest.raises(ValueError, match="question hard was not asked on think-30"):
        read_table(tmp_path / "t.gz")
