"""The leaderboard over HTTP, through the typed client, without a key."""

from hashlib import sha256

import pytest

from core.ids import new_id, public_id
from cux.client import Client
from cux.client.errors import NotFoundError
from tests.integration.inference.test_efficiency import publish, some_rows


def test_anybody_reads_results_newest_first_and_checks_their_rows(exchange_url: str, db: None) -> None:
    made = [public_id("efficiency_result", publish(some_rows()).id) for _ in range(3)]
    with Client(exchange_url) as client:
        listed = {each.efficiency_result_id: each for each in client.efficiency_list(page_size=2)}
        assert list(listed)[:3] == made[::-1]
        newest = listed[made[-1]]
        lines = client.efficiency_rows(made[-1])
        assert sha256(lines).hexdigest() == newest.rows_sha256
        assert len(lines.splitlines()) == newest.entry.questions == 15
        for unknown in (public_id("efficiency_result", new_id()), "efr_x"):
            with pytest.raises(NotFoundError):
                client.efficiency_rows(unknown)
