"""A question from the playground to a model's ladder: opened with its plan, followed tranche by tranche."""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

from billing.services.budget_alert import alert_on_refusal
from core.clock import utc_now
from core.errors import CuxError
from core.ids import public_id
from core.money import format_usd
from core.threads import in_thread
from inference.adaptive import Kept, Piece, stream_adaptive
from inference.routing.plan import Rung
from inference.routing.preferences import Preferences
from inference.selectors.adaptive import adaptive_get
from inference.services.adaptive_open import adaptive_open, tranche_release, why_released
from inference.services.adaptive_quote import AdaptiveQuote
from inference.services.sampling import Sampling
from web.services.playground import refusal

_SAMPLING: Final = Sampling(temperature_milli=0, logprobs=True)


def ladder_ask(*, quote: AdaptiveQuote, now: datetime) -> uuid.UUID:
    """This function will open the request with its first tranche; return its id.

    Raises:
        CuxError: as `adaptive_open`; nothing moved.
    """
    with alert_on_refusal():
        return adaptive_open(
            quote=quote,
            sampling=_SAMPLING,
            api_key_id=None,
            tag="",
            preferences=Preferences(),
            by_pool=False,
            bought=None,
            now=now,
        ).id


async def ladder_events(quote: AdaptiveQuote, request_id: uuid.UUID) -> AsyncIterator[dict[str, Any]]:
    """Yield what the page shows: the request's id, the answer and the thought before it as they come, then
    the usage or why there is none.

    Closing it before the end (the page was left) cancels the tranche that runs.
    """
    yield {"type": "ladder", "adaptive_id": public_id("adaptive", request_id)}

    def release(rung: Rung, number: int) -> None:
        tranche_release(
            request_id=request_id,
            number=number,
            quote=quote.quotes[rung.name],
            rung=rung.name,
            why=why_released(rung),
            sampling=_SAMPLING,
            api_key_id=None,
            tag="",
            preferences=Preferences(),
            by_pool=False,
            bought=None,
            now=utc_now(),
        )

    try:
        events = stream_adaptive(request_id, release, stays=False, streams=True)
        async with aclosing(events):  # type: ignore[type-var]
            async for happened in events:
                if isinstance(happened, Piece):
                    yield {"type": "text", "text": happened.content, "thought": happened.thought}
                elif isinstance(happened, Kept):
                    yield await in_thread(_done, quote.organisation_id, request_id, happened)
                else:
                    yield refusal(CuxError(happened.code))
    except CuxError as refused:
        yield refusal(refused)


def _done(organisation_id: uuid.UUID, request_id: uuid.UUID, kept: Kept) -> dict[str, Any]:
    """Say what the answer was and what all its tranches came to together."""
    view = adaptive_get(organisation_id=organisation_id, request_id=request_id)
    tranche = view.tranches[kept.number]
    return {
        "type": "done",
        "job_id": tranche.job_id,
        "finish_reason": kept.finished.finish_reason,
        "prompt_tokens": kept.finished.prompt_tokens,
        "output_tokens": kept.finished.output_tokens,
        "compute_ucu": view.compute_ucu,
        "quote_ucu": view.quote_ucu,
        "cost_usd": format_usd(view.cost_nano_usd),
    }
