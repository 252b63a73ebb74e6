"""A question from the playground becomes a job."""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

from billing.services.budget_alert import alert_on_refusal
from core.errors import Code, CuxError
from core.ids import public_id
from core.money import format_usd
from inference.gateway import Finished, Refunded, TokenChunk, stream_to_caller
from inference.services.job_create import job_create
from inference.services.job_quote import Quote, job_quote
from inference.services.sampling import Sampling
from web.advice import advice_on
from web.selectors.asking import WhereToBuy

MISSING_COMPUTE: Final = (Code.INSUFFICIENT_ENTITLEMENT, Code.ENTITLEMENT_EXPIRED)


def question_quote(*, organisation_id: uuid.UUID, model: str, prompt: str, max_tokens: int) -> Quote:
    """This function will quote a question as a chat of one message. Raises CuxError as `job_quote`."""
    return job_quote(
        organisation_id=organisation_id,
        model=model,
        messages=[{"role": "user", "content": prompt}],
        max_tokens=max_tokens,
    )


def question_ask(
    *, organisation_id: uuid.UUID, model: str, prompt: str, max_tokens: int, now: datetime
) -> uuid.UUID:
    """This function will reserve the quote and queue the job; return its id.

    Raises:
        CuxError: as `job_quote` and `job_create`; nothing moved.
    """
    quote = question_quote(organisation_id=organisation_id, model=model, prompt=prompt, max_tokens=max_tokens)
    with alert_on_refusal():
        return job_create(quote=quote, sampling=Sampling(temperature_milli=0), now=now).id


async def answer_events(job_id: uuid.UUID) -> AsyncIterator[dict[str, Any]]:
    """Yield what the page shows: the job's id, text as it comes, then the usage or why there is none.

    Closing it before the end (the page was left) cancels the job.
    """
    yield {"type": "job", "job_id": public_id("job", job_id)}
    try:
        async with aclosing(stream_to_caller(job_id)) as events:  # type: ignore[type-var]
            async for happened in events:
                yield _event(job_id, happened)
    except CuxError as refused:
        yield refusal(refused)


def refusal(error: CuxError, where: WhereToBuy | None = None) -> dict[str, Any]:
    """Return a refusal with what to do next; `where`, if given, says it where compute is missing."""
    advice = advice_on(error)
    said = {
        "type": "error",
        "code": error.code.wire,
        "message": error.message,
        "param": error.param,
        "advice": advice.text if advice else "",
        "page": advice.page if advice else "",
        "market": "",
    }
    if where is not None and error.code in MISSING_COMPUTE:
        said |= {"advice": where.text, "market": where.symbol or ""}
    return said


def _event(job_id: uuid.UUID, happened: TokenChunk | Finished | Refunded) -> dict[str, Any]:
    if isinstance(happened, TokenChunk):
        return {"type": "text", "text": happened.text, "output_tokens": happened.output_tokens}
    if isinstance(happened, Refunded):
        return refusal(CuxError(happened.code))
    return {
        "type": "done",
        "job_id": public_id("job", job_id),
        "finish_reason": happened.finish_reason,
        "prompt_tokens": happened.prompt_tokens,
        "output_tokens": happened.output_tokens,
        "compute_ucu": happened.compute_ucu,
        "quote_ucu": happened.quote_ucu,
        "cost_usd": format_usd(happened.charged_nano_usd),
    }
