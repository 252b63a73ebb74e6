"""What an organisation has done: orders, jobs and every line on its money accounts, in pages."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from billing.selectors.statement import statement_lines
from core.errors import Code, CuxError
from core.ids import parse_public_id
from exchange.selectors.orders import order_list
from inference.selectors.jobs import job_list
from web.selectors.account import priced

PAGE: Final = 25
SHOWS: Final = {"orders": "Orders", "jobs": "Jobs", "money": "Money"}


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """Rows, newest first; `older` is where the next page goes on, None on the last."""

    show: str
    rows: Sequence[Any]
    older: str | None


def activity_page(*, organisation_id: uuid.UUID, show: str, before: str | None) -> ActivityPage:
    """Return the page of `show` (a key of `SHOWS`) that begins after the row `before`.

    Raises:
        CuxError: NOT_FOUND, there is no such list or no such place in it.
    """
    readers = {"orders": _orders, "jobs": _jobs, "money": _money}
    if show not in readers:
        raise CuxError(Code.NOT_FOUND)
    return readers[show](organisation_id, before)


def _orders(organisation_id: uuid.UUID, before: str | None) -> ActivityPage:
    start = _place("order", before)
    rows = order_list(organisation_id=organisation_id, limit=PAGE + 1, before=start)
    return ActivityPage("orders", priced(rows[:PAGE]), rows[PAGE - 1].order_id if rows[PAGE:] else None)


def _jobs(organisation_id: uuid.UUID, before: str | None) -> ActivityPage:
    start = _place("job", before)
    rows = job_list(organisation_id=organisation_id, limit=PAGE + 1, before=start)
    return ActivityPage("jobs", rows[:PAGE], rows[PAGE - 1].job_id if rows[PAGE:] else None)


def _money(organisation_id: uuid.UUID, before: str | None) -> ActivityPage:
    if before is not None and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise CuxError(Code.NOT_FOUND)
    start = int(before) if before is not None else None
    rows = statement_lines(organisation_id, before_id=start, limit=PAGE + 1)
    return ActivityPage("money", rows[:PAGE], str(rows[PAGE - 1].id) if rows[PAGE:] else None)


def _place(kind: str, before: str | None) -> uuid.UUID | None:
    if before is None:
        return None
    known = parse_public_id(kind, before)
    if known is None:
        raise CuxError(Code.NOT_FOUND)
    return known
