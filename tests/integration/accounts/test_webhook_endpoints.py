"""Which webhooks can be made, and what their page says."""

import pytest

from accounts.services.webhook_endpoints import ENDPOINTS_MAX, webhook_endpoint_create
from accounts.webhook_events import TYPES
from core.errors import Code, CuxError
from tests import builders
from tests.environment import ROOT


@pytest.mark.parametrize(
    ("url", "types", "code"),
    [
        ("http://example.com/hook", [], Code.INVALID_FIELD),
        ("https://example.com/hook", ["no.such"], Code.INVALID_FIELD),
    ],
)
def test_what_cannot_be_told_is_refused(url, types, code):
    who = builders.organisation()
    with pytest.raises(CuxError) as caught:
        webhook_endpoint_create(organisation_id=who.id, url=url, types=types)
    assert caught.value.code is code
    assert not who.webhooks.exists()


def test_there_are_at_most_ten():
    who = builders.organisation()
    for number in range(ENDPOINTS_MAX):
        webhook_endpoint_create(organisation_id=who.id, url=f"https://example.com/{number}", types=[])
    with pytest.raises(CuxError) as caught:
        webhook_endpoint_create(organisation_id=who.id, url="https://example.com/", types=[])
    assert caught.value.code is Code.TOO_MANY_WEBHOOKS
    assert who.webhooks.count() == ENDPOINTS_MAX


def test_the_page_on_webhooks_lists_every_event():
    page = (ROOT / "docs" / "webhooks.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("| `")] == [
        f"| `{type}` | {says} |" for type, says in TYPES.items()
    ]
