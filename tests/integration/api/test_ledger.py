"""The ledger's heads over HTTP, through the typed client: for anyone, without a key."""

import pytest

from core.errors import Code
from cux.client import Client
from cux.client.errors import NotFoundError
from tests.integration.api.test_errors import assert_error
from tests.integration.billing.test_heads import published


def test_heads_are_public_in_pages_newest_first(exchange_url, db):
    older, newer = published(), published()
    with Client(exchange_url) as client:
        assert client.ledger_head_get() == newer
        listed = client.ledger_head_list(page_size=1)
        assert [next(listed), next(listed)] == [newer, older]
        assert client.ledger_head_at(older.head.height) == older
        with pytest.raises(NotFoundError):
            client.ledger_head_at(newer.head.height + 1)


@pytest.mark.parametrize("height", ["x", "-1", "9" * 40])
def test_what_is_no_height_is_not_found(exchange, height):
    assert_error(exchange.get(f"/v1/ledger/heads/{height}"), Code.NOT_FOUND)
    assert_error(exchange.get("/v1/ledger/heads", params={"cursor": "eA=="}), Code.INVALID_FIELD, "cursor")
