"""The test of each lock that fails without it: most of them race two sessions for it.

`python -m tests.guards --locks` takes each lock out and runs its test.
"""

from typing import Final

_BILLING: Final = "tests/integration/billing"
_POSTED: Final = f"{_BILLING}/test_locks.py::test_a_posting_locks_the_balances_that_it_moves"

RACES: Final[dict[str, str]] = {
    "billing_batch_post  lock  FOR NO KEY UPDATE": f"{_POSTED}[batch]",
    "billing_ledger_post  lock  FOR NO KEY UPDATE": f"{_POSTED}[post]",
    "core.retention  lock  statement": (
        "tests/integration/core/test_retention.py::test_a_row_that_somebody_holds_waits_for_the_next_run"
    ),
}
"""By lock, as in `listed.txt`: the test's id."""
