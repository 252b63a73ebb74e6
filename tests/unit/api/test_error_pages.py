"""The page of errors is the list of codes."""

from api.error_pages import render_errors
from core.errors import Code
from tests.environment import ROOT


def test_the_committed_page_is_the_generated_one():
    committed = (ROOT / "docs" / "errors.md").read_text()
    assert committed == render_errors(), "run `python manage.py errors_doc`"


def test_every_code_has_its_line_with_its_status():
    page = render_errors()
    for code in Code:
        assert f"| `{code.wire}` | {code.spec.status} | {code.spec.message} |" in page
