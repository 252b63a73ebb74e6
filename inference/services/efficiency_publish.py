"""Publish a result of the compute-efficiency benchmark, once it was worked out again from its rows."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from core.clock import rfc3339
from cux.wire.card import ComputeCard
from cux.wire.efficiency import EfficiencyEntry
from inference.benchmarking.questions import questions_drawn
from inference.benchmarking.recompute import questions_sha256, recomputed, rows_bytes
from inference.efficiency.committed import committed
from inference.efficiency.endpoint import Reply, Row, Run, entry_of, scores_of
from inference.efficiency.mixes import SAMPLE_SEED
from inference.models import EfficiencyResult

OUTCOMES: Final = "docs/efficiency/outcomes.jsonl.gz"
_POLICIES: Final = {"gate": "CUX gate and router"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who ran it, on what machine (the engine's), with which commit of this code; none may be empty."""

    run_by: str
    machine: str
    commit: str


def efficiency_publish(
    *, run: Run, card: ComputeCard, replies: Sequence[Reply], origin: Origin, now: datetime
) -> EfficiencyResult:
    """This function will publish what an endpoint replied, or return the result if these rows are public.

    Raises:
        CannotRecomputeError: a row is not what can be worked out again, or one is missing.
        ValueError: a part of the origin is empty, or a stratum has no reply.
    """
    if missing := [name for name in ("run_by", "machine", "commit") if not getattr(origin, name).strip()]:
        raise ValueError(f"a result without its {missing[0]} cannot be published")
    asked = questions_drawn(seed=run.seed, per_cell=run.per_cell, families=run.families)
    rows = recomputed(run, card, asked, replies)
    return _keep(
        entry=entry_of(run, rows, measured_at=rfc3339(now)),
        rows=rows,
        questions=[(each.id, each.question.text) for each in asked],
        method=EfficiencyResult.Method.ASKED,
        cards=[card.to_payload()],
        revision=card.revision,
        origin=origin,
        source="",
        now=now,
    )


def efficiency_publish_committed(*, directory: Path, gate: Path, now: datetime) -> list[EfficiencyResult]:
    """This function will publish the exchange's own results, replayed from the table in `directory`.

    Raises:
        NotReproducedError: a committed figure does not come out of the committed table.
    """
    own = committed(directory, gate)
    report, table = own.report, own.table
    origin = Origin(run_by="CUX", machine=report.machine, commit=report.commit)
    return [
        _keep(
            entry=_entry(each.name, each.rows, each.cards, table.origin.model, report.measured_at),
            rows=each.rows,
            questions=[(question.id, question.prompt) for question in own.questions],
            method=EfficiencyResult.Method.REPLAYED,
            cards=each.cards,
            revision=table.origin.revision,
            origin=origin,
            source=f"{OUTCOMES}, sha256 {report.table}",
            now=now,
        )
        for each in own.policies
    ]


def _entry(
    name: str, rows: Sequence[Row], cards: Sequence[Mapping[str, Any]], model: str, measured_at: str
) -> EfficiencyEntry:
    return EfficiencyEntry(
        name=_POLICIES.get(name, name.replace("_", " ")),
        model=model,
        card_hashes=[ComputeCard.from_payload(dict(each)).card_hash for each in cards],
        families="trained",
        seed=SAMPLE_SEED,
        instruction="",
        request="{}",
        concurrency=1,
        measured_at=measured_at,
        **msgspec.structs.asdict(scores_of(rows)),
    )


def _keep(
    *,
    entry: EfficiencyEntry,
    rows: Sequence[Row],
    questions: Sequence[tuple[str, str]],
    method: EfficiencyResult.Method,
    cards: Sequence[Mapping[str, Any]],
    revision: str,
    origin: Origin,
    source: str,
    now: datetime,
) -> EfficiencyResult:
    lines = rows_bytes(rows)
    kept, _ = EfficiencyResult.objects.get_or_create(
        rows_sha256=sha256(lines).hexdigest(),
        defaults={
            "published_at": now,
            "method": method,
            "run_by": origin.run_by,
            "revision": revision,
            "machine": origin.machine,
            "commit": origin.commit,
            "source": source,
            "entry": msgspec.to_builtins(entry),
            "cards": list(cards),
            "questions_sha256": questions_sha256(questions),
            "rows": gzip.compress(lines, mtime=0),
        },
    )
    return kept
