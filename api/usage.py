"""GET /v1/usage: what jobs used and cost, streamed as JSON, JSON Lines or CSV.

Rows are read in batches of their own while they are sent: an export of a year holds no connection and no
transaction open. What is settled meanwhile with an earlier time than what was sent already is left out; ask
for days that are over to get all of them.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from api.auth import authenticate
from api.http import JSON, NDJSON, Request, Stream
from billing.documents.usage_table import FIGURES, OF_JOBS, csv_lines, usage_csv, usage_jsonl
from billing.selectors.usage import GROUPS, Span, usage_after, usage_grouped
from core.clock import utc_now
from core.errors import Code, CuxError
from core.threads import in_thread
from cux.wire.documents import UsageRow
from cux.wire.fields import Instant

CSV: Final = "text/csv; charset=utf-8"
_TYPES: Final = {"json": JSON, "jsonl": NDJSON, "csv": CSV}
_KNOWN: Final = {"from", "to", "group_by", "format"}
_DEFAULT: Final = timedelta(days=31)
_COLUMNS: Final = {"day": "day", "key": "key_id", "model": "model", "tag": "tag"}


async def usage(request: Request) -> Stream:
    """Answer with the usage of the caller's organisation; the last 31 days if no time is given."""
    caller = await authenticate(request, "read")
    query = request.query
    for name, value in query.items():
        if name not in _KNOWN or "\0" in value:
            raise CuxError(Code.INVALID_FIELD, f"There is no parameter `{name}` like that here.", param=name)
    now = utc_now()
    span = Span(
        caller.organisation_id,
        _moment(query, "from", now - _DEFAULT),
        _moment(query, "to", now + timedelta(seconds=1)),
    )
    groups = _groups(query.get("group_by", ""))
    shape = query.get("format", "json")
    if shape not in _TYPES:
        raise CuxError(Code.INVALID_FIELD, f"`format` is one of {', '.join(_TYPES)}.", param="format")
    batches = _batches(span, groups)
    first = await anext(batches)  # what can be refused is refused before the stream begins
    columns = OF_JOBS if groups is None else (*(_COLUMNS[name] for name in groups), "jobs", *FIGURES)
    headers = {"Content-Disposition": f'attachment; filename="usage.{shape}"'} if shape != "json" else {}
    return Stream(_SHAPES[shape](first, batches, columns), content_type=_TYPES[shape], headers=headers)


def _moment(query: dict[str, str], name: str, default: datetime) -> datetime:
    if name not in query:
        return default
    try:
        return datetime.fromisoformat(msgspec.convert(query[name], Instant))
    except (ValueError, msgspec.ValidationError) as unreadable:
        said = "Expected a moment such as 2026-11-23T08:00:00Z."
        raise CuxError(Code.INVALID_FIELD, said, param=name) from unreadable


def _groups(text: str) -> list[str] | None:
    """Return what is grouped by, in the order of the columns; None: nothing, each job is a row."""
    if not text:
        return None
    asked = text.split(",")
    if not set(asked) <= set(GROUPS):
        said = f"`group_by` is some of {', '.join(GROUPS)}, by commas."
        raise CuxError(Code.INVALID_FIELD, said, param="group_by")
    return [name for name in GROUPS if name in asked]


async def _batches(span: Span, groups: list[str] | None) -> AsyncIterator[list[UsageRow]]:
    if groups is not None:
        yield await in_thread(usage_grouped, span, groups)
        return
    place: tuple[datetime, int] | None = (span.start, 0)
    while place is not None:
        rows, place = await in_thread(usage_after, span, place)
        yield rows


Batches = AsyncIterator[list[UsageRow]]


async def _json(first: list[UsageRow], batches: Batches, columns: tuple[str, ...]) -> AsyncIterator[bytes]:
    yield b'{"data":['
    separator = b""
    async for rows in _all(first, batches):
        if rows:
            yield separator + b",".join(msgspec.json.encode(row) for row in rows)
            separator = b","
    yield b"]}"


async def _jsonl(first: list[UsageRow], batches: Batches, columns: tuple[str, ...]) -> AsyncIterator[bytes]:
    async for rows in _all(first, batches):
        yield usage_jsonl(rows)


async def _csv(first: list[UsageRow], batches: Batches, columns: tuple[str, ...]) -> AsyncIterator[bytes]:
    yield csv_lines([columns])
    async for rows in _all(first, batches):
        yield usage_csv(rows, columns)


async def _all(first: list[UsageRow], batches: Batches) -> Batches:
    yield first
    async for rows in batches:
        yield rows


_SHAPES: Final = {"json": _json, "jsonl": _jsonl, "csv": _csv}
