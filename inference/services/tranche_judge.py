"""A tranche that ended is judged by its evidence: is its answer kept, or is the next rung worth its price?"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from inference.engines.tokenizer import load_tokenizer
from inference.gate.ladder import find_ladder
from inference.gate.thought import answer_starts
from inference.likelihoods import Likelihood, likelihood_ppm
from inference.locks import adaptive_lock
from inference.models import AdaptiveRequest, Job, Tranche
from inference.routing.plan import Rung
from inference.routing.tranches import Plan, following, kept
from inference.selectors.adaptive import plan_kept, tried_of
from inference.services.job_cancel import job_cancel


@dataclass(frozen=True, slots=True)
class Ended:
    """How a tranche's answer ended, and how likely its tokens were."""

    finish_reason: str
    likelihoods: Sequence[Likelihood]
    has_answer: bool


@transaction.atomic
def tranche_judge(
    *, request_id: uuid.UUID, number: int, ended: Ended | None, now: datetime, shown: bool = False
) -> Rung | None:
    """This function will note what a tranche came to (None: it was refunded) and return the rung to release.

    None ends the request: with the answer to be kept, or with nothing if all was refunded, or if this one is
    of which the caller was `shown` some already. A tranche is judged once: who comes second gets the same
    verdict, whatever he has seen.
    """
    request = adaptive_lock(request_id)
    planned = plan_kept(request)
    tranche = Tranche.objects.select_related("job__model").get(request=request, number=number)
    is_new = tranche.judged_at is None
    if is_new:
        _judge(request, planned, tranche, ended, now)
        if ended is None and shown:
            _end(request, now, state=AdaptiveRequest.State.FAILED)
            return None
    rung = following(planned, tried_of(request))
    if is_new:
        _conclude(request, planned, tranche, rung, now)
    return rung if request.state == AdaptiveRequest.State.RUNNING else None


@transaction.atomic
def adaptive_end(*, request_id: uuid.UUID, now: datetime, left: bool = False, why: str = "") -> None:
    """This function will end a request with what there is: no next tranche can be had, or its caller left.

    A tranche that runs is then stopped, as any job whose caller left. Any number of times.
    """
    request = adaptive_lock(request_id)
    if request.state != AdaptiveRequest.State.RUNNING:
        return
    if left:
        for tranche in Tranche.objects.filter(request=request, job__ended_at__isnull=True):
            job_cancel(job_id=tranche.job_id, now=now)
    if why:
        last = Tranche.objects.filter(request=request).order_by("number").last()
        assert last is not None
        last.found = f"{last.found}; {why}"[:200]
        last.save(update_fields=["found"])
    _end(request, now, state=AdaptiveRequest.State.LEFT if left else "")


def _judge(
    request: AdaptiveRequest, planned: Plan, tranche: Tranche, ended: Ended | None, now: datetime
) -> None:
    tranche.judged_at = now
    if ended is None:
        tranche.found = f"refunded: {tranche.job.failure}"
    else:
        found = find_ladder(settings.LADDERS_DIRECTORY, request.ladder)
        assert found is not None, "a ladder is not taken away from requests that run"
        mode = found.ladder.step(tranche.rung).mode
        own = _answer(tranche.job, ended.likelihoods, thinks=mode == "think")
        finished = ended.finish_reason == "stop"
        tranche.confidence_ppm = likelihood_ppm(own)
        tranche.right_ppm = found.gate.evidence[tranche.rung].right_ppm(
            prior_ppm=planned.rung(tranche.rung).correct_ppm,
            confidence_ppm=tranche.confidence_ppm,
            finished=finished,
        )
        tranche.has_answer = ended.has_answer
        tranche.found = (
            f"likely with {tranche.confidence_ppm / 10_000:.1f} %, so right with "
            f"{tranche.right_ppm / 10_000:.1f} %"
            if finished
            else "cut off"
        )
        request.used_ucu += tranche.job.compute_ucu
        request.save(update_fields=["used_ucu"])
    tranche.save()


def _conclude(
    request: AdaptiveRequest, planned: Plan, tranche: Tranche, rung: Rung | None, now: datetime
) -> None:
    """Say what follows, and why; end the request if nothing does."""
    if rung is not None:
        tranche.found += f"; {rung.name} is released"
    elif planned.ask.quality_ppm is not None and (tranche.right_ppm or 0) >= planned.ask.quality_ppm:
        tranche.found += "; as good as was asked for"
    elif tranche.right_ppm is not None:
        tranche.found += "; no better rung fits in what is left, or pays"
    tranche.save(update_fields=["found"])
    if rung is None:
        _end(request, now)


def _end(request: AdaptiveRequest, now: datetime, *, state: str = "") -> None:
    """End the request: in this state with no answer, or else with the answer that is kept, if any."""
    judged = list(Tranche.objects.filter(request=request, judged_at__isnull=False).order_by("number"))
    place = None if state else kept(tried_of(request))
    request.kept = None if place is None else judged[place].number
    ended = AdaptiveRequest.State.FAILED if place is None else AdaptiveRequest.State.ANSWERED
    request.state = state or ended
    request.ended_at = now
    request.save(update_fields=["kept", "state", "ended_at"])


def _answer(job: Job, told: Sequence[Likelihood], *, thinks: bool) -> Sequence[Likelihood]:
    """Return the tokens of the answer itself, after the thought, its end included; none without one."""
    if not thinks:
        return told
    tokenizer = load_tokenizer(job.model.directory)
    start = answer_starts(tokenizer.piece(each.token_id).decode(errors="replace") for each in told)
    return () if start is None else told[start:]
