"""A planned request is opened with its first tranche, and gets the next ones as they are released."""

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction

from core.money import PPM, mul_div_floor
from inference.locks import adaptive_lock
from inference.models import AdaptiveRequest, Job, Tranche
from inference.routing.plan import Rung
from inference.routing.preferences import Preferences
from inference.services.adaptive_quote import AdaptiveQuote
from inference.services.job_create import job_create
from inference.services.job_quote import Quote
from inference.services.sampling import Sampling


@transaction.atomic
def adaptive_open(
    *,
    quote: AdaptiveQuote,
    sampling: Sampling,
    api_key_id: uuid.UUID | None,
    tag: str,
    preferences: Preferences,
    by_pool: bool,
    bought: dict[str, Any] | None,
    now: datetime,
) -> AdaptiveRequest:
    """This function will write the request down with its plan, and make its first tranche's job.

    Raises:
        CuxError: as `job_create`; nothing moved.
    """
    request = AdaptiveRequest.objects.create(
        organisation_id=quote.organisation_id,
        ladder=quote.model,
        plan=plan_shown(quote),
        quote_ucu=quote.quote_ucu,
        created_at=now,
    )
    first = quote.plan.first
    tranche_release(
        request_id=request.id,
        number=0,
        quote=quote.quotes[first.name],
        rung=first.name,
        why=f"first: right with {_percent(first.correct_ppm)} for {first.expected_ucu} µCU expected"
        if quote.familiar
        else "first: the gate knows too little of the words, so the safe rung",
        sampling=sampling,
        api_key_id=api_key_id,
        tag=tag,
        preferences=preferences,
        by_pool=by_pool,
        bought=bought,
        now=now,
    )
    return request


@transaction.atomic
def tranche_release(
    *,
    request_id: uuid.UUID,
    number: int,
    quote: Quote,
    rung: str,
    why: str,
    sampling: Sampling,
    api_key_id: uuid.UUID | None,
    tag: str,
    preferences: Preferences,
    by_pool: bool,
    bought: dict[str, Any] | None,
    now: datetime,
) -> Job:
    """This function will make the job of a request's next tranche; whoever comes second gets the same one.

    Raises:
        CuxError: as `job_create`; nothing moved.
    """
    adaptive_lock(request_id)
    made = Tranche.objects.select_related("job").filter(request_id=request_id, number=number).first()
    if made is not None:
        return made.job
    job = job_create(
        quote=quote,
        sampling=sampling,
        now=now,
        api_key_id=api_key_id,
        tag=tag,
        preferences=preferences,
        may_wait=number > 0,
        by_pool=by_pool,
        at_once=True,
    )
    Tranche.objects.create(request_id=request_id, number=number, rung=rung, job=job, why=why, bought=bought)
    return job


def plan_shown(quote: AdaptiveQuote) -> dict[str, Any]:
    """Return the plan as the request keeps it, and as its caller sees it before and after."""
    planned, price = quote.plan, quote.price
    rungs = []
    for rung in planned.rungs:
        of, guess = quote.quotes[rung.name], quote.guesses[rung.name]
        rungs.append(
            {
                **asdict(rung),
                "model": of.model,
                "mode": quote.steps[rung.name].mode,
                "max_tokens": of.max_tokens,
                "doubt_ppm": guess.doubt_ppm,
                "expected_nano_usd": mul_div_floor(rung.expected_ucu, price.nano_usd_per_cu, PPM),
            }
        )
    return {
        "first": planned.first.name,
        "rungs": rungs,
        "is_familiar": quote.familiar,
        "quality_ppm": planned.ask.quality_ppm,
        "value_nano_usd": planned.ask.value_nano_usd,
        "price_nano_usd_per_cu": price.nano_usd_per_cu,
        "price_source": price.source,
        "max_compute_ucu": planned.ask.cap_ucu,
        "quote_ucu": quote.quote_ucu,
        "expected_ucu": quote.expected_ucu,
    }


def why_released(rung: Rung) -> str:
    """Return what is said of a tranche that follows another."""
    return f"the answer before it was not good enough; right with {_percent(rung.correct_ppm)}"


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:.0f} %"
