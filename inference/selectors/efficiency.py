"""Published results of the compute-efficiency benchmark, as they are read."""

import gzip
import uuid
from typing import Literal, cast

import msgspec

from core.clock import rfc3339
from core.ids import public_id
from cux.wire.efficiency import EfficiencyEntry, EfficiencyResultView
from inference.models import EfficiencyResult


def efficiency_list(*, limit: int, before: uuid.UUID | None = None) -> list[EfficiencyResultView]:
    """Return results, the newest first; `before`: only those published before this one."""
    rows = EfficiencyResult.objects.defer("rows").order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [_view(row) for row in rows[:limit]]


def efficiency_rows(result_id: uuid.UUID) -> bytes | None:
    """Return the rows of a result as JSON lines, whose SHA-256 stands in it; None if there is none."""
    found = EfficiencyResult.objects.filter(id=result_id).values_list("rows", flat=True).first()
    return gzip.decompress(bytes(found)) if found is not None else None


def _view(row: EfficiencyResult) -> EfficiencyResultView:
    return EfficiencyResultView(
        efficiency_result_id=public_id("efficiency_result", row.id),
        entry=msgspec.convert(row.entry, EfficiencyEntry),
        method=cast("Literal['asked', 'replayed']", row.method),
        run_by=row.run_by,
        revision=row.revision,
        machine=row.machine,
        commit=row.commit,
        source=row.source,
        cards=row.cards,
        questions_sha256=row.questions_sha256,
        rows_sha256=row.rows_sha256,
        published_at=rfc3339(row.published_at),
    )
