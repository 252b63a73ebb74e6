"""How far an adaptive request is: for its driver, and for its owner."""

import uuid
from dataclasses import dataclass

import msgspec

from core.clock import rfc3339
from core.errors import Code, CuxError
from core.ids import public_id
from cux.wire.adaptive import AdaptivePlan, AdaptiveView, TrancheView
from inference.models import AdaptiveRequest, Job, Tranche
from inference.routing.plan import Ask, Rung
from inference.routing.tranches import Plan, Tried, is_last

_STATUS = {Job.State.COMPLETED: "settled", Job.State.REFUNDED: "refunded", Job.State.QUEUED: "queued"}


@dataclass(frozen=True, slots=True)
class Latest:
    """A request's latest tranche. `is_last`: nothing can follow it; `thinks`: its text begins with a thought.

    `state` is the request's, `kept` the number of the tranche that it was answered with, `failure` why the
    latest job was refunded.
    """

    state: str
    kept: int | None
    number: int
    job_id: uuid.UUID
    thinks: bool
    is_last: bool
    failure: str


def adaptive_latest(request_id: uuid.UUID) -> Latest:
    """Return where a request is now."""
    request = AdaptiveRequest.objects.get(id=request_id)
    tranche = Tranche.objects.select_related("job").filter(request=request).order_by("number").last()
    assert tranche is not None, "a request is opened with its first tranche"
    before = tried_of(request)[: tranche.number]
    return Latest(
        state=request.state,
        kept=request.kept,
        number=tranche.number,
        job_id=tranche.job_id,
        thinks=thinks(request, tranche.rung),
        is_last=is_last(plan_kept(request), before, tranche.rung),
        failure=tranche.job.failure,
    )


def tranche_at(request_id: uuid.UUID, number: int) -> tuple[uuid.UUID, bool]:
    """Return the job of a request's tranche, and whether its text begins with a thought."""
    tranche = Tranche.objects.select_related("request").get(request_id=request_id, number=number)
    return tranche.job_id, thinks(tranche.request, tranche.rung)


def thinks(request: AdaptiveRequest, rung: str) -> bool:
    """Tell whether a rung of the request's plan thinks before it answers."""
    return any(each["name"] == rung and each["mode"] == "think" for each in request.plan["rungs"])


def plan_kept(request: AdaptiveRequest) -> Plan:
    """Return the plan of a request as it was made."""
    shown = request.plan
    names = ("name", "correct_ppm", "expected_ucu", "quote_ucu")
    rungs = tuple(Rung(**{name: each[name] for name in names}) for each in shown["rungs"])
    ask = Ask(
        value_nano_usd=shown["value_nano_usd"],
        price_nano_usd_per_cu=shown["price_nano_usd_per_cu"],
        quality_ppm=shown["quality_ppm"],
        cap_ucu=shown["max_compute_ucu"],
    )
    first = next(each for each in rungs if each.name == shown["first"])
    return Plan(rungs, first, ask, request.quote_ucu)


def tried_of(request: AdaptiveRequest) -> list[Tried]:
    """Return the tranches that were judged, in order."""
    rows = Tranche.objects.filter(request=request, judged_at__isnull=False).select_related("job")
    return [
        Tried(each.rung, each.job.compute_ucu, each.right_ppm, each.has_answer)
        for each in rows.order_by("number")
    ]


def adaptive_get(*, organisation_id: uuid.UUID, request_id: uuid.UUID) -> AdaptiveView:
    """Return a request of the organisation's, with its tranches as they are now.

    Raises:
        CuxError: UNKNOWN_ADAPTIVE_REQUEST.
    """
    request = AdaptiveRequest.objects.filter(id=request_id, organisation_id=organisation_id).first()
    if request is None:
        raise CuxError(Code.UNKNOWN_ADAPTIVE_REQUEST)
    rows = Tranche.objects.filter(request=request).select_related("job__model", "job__receipt")
    tranches = [_tranche(each, request.kept) for each in rows.order_by("number")]
    return AdaptiveView(
        adaptive_id=public_id("adaptive", request.id),
        model=request.ladder,
        state=request.state,  # type: ignore[arg-type]
        plan=msgspec.convert(request.plan, AdaptivePlan),
        quote_ucu=request.quote_ucu,
        compute_ucu=sum(each.compute_ucu for each in tranches),
        cost_nano_usd=sum(each.cost_nano_usd for each in tranches),
        tranches=tranches,
        created_at=rfc3339(request.created_at),
        ended_at=rfc3339(request.ended_at) if request.ended_at else None,
    )


def _tranche(row: Tranche, kept: int | None) -> TrancheView:
    job = row.job
    receipt = getattr(job, "receipt", None)
    return TrancheView(
        number=row.number,
        rung=row.rung,
        model=job.model_id,
        card_hash=job.model.card_hash,
        job_id=public_id("job", job.id),
        status=_STATUS.get(Job.State(job.state), "running"),  # type: ignore[arg-type]
        quote_ucu=job.quote_ucu,
        compute_ucu=job.compute_ucu,
        cost_nano_usd=job.charged_nano_usd,
        output_tokens=job.output_tokens,
        why=row.why,
        found=row.found,
        confidence_ppm=row.confidence_ppm,
        right_ppm=row.right_ppm,
        is_kept=row.number == kept,
        receipt_hash=receipt.hash if receipt else None,
        bought=row.bought,
    )
