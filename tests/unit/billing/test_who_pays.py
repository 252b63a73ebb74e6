"""The published table is the one in code, and has a row for each case."""

from billing.who_pays import PROOFS, TABLE, Case, page
from tests.environment import ROOT


def test_the_page_is_written_from_the_table() -> None:
    assert (ROOT / "docs" / "who-pays.md").read_text() == page(), "run `python manage.py who_pays_doc`"


def test_each_case_has_one_row() -> None:
    assert [row.case for row in TABLE] == list(Case)


def test_each_row_names_tests_that_there_are() -> None:
    assert list(PROOFS) == list(Case)
    for path, _, name in (proof.partition("::") for proofs in PROOFS.values() for proof in proofs):
        assert f"\ndef {name}(" in (ROOT / path).read_text(), f"{path} has no {name}"
