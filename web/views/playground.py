"""The playground: a question, its quote and plan, the answer as it comes, its tranches and receipts."""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Organisation
from accounts.selectors import member_of
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from core.threads import in_thread
from cux.wire.adaptive import AdaptivePlan
from inference.selectors.adaptive import adaptive_get
from inference.services.adaptive_open import plan_shown
from inference.services.adaptive_quote import AdaptiveAsk, AdaptiveQuote, adaptive_quote
from inference.services.job_quote import Quote
from web.access import may_trade, member_only
from web.advice import advice_on
from web.money_forms import plain_usd
from web.page import page
from web.prompt_form import PromptForm
from web.selectors.asking import WhereToBuy, model_choices, where_to_buy
from web.selectors.plan import plan_picture
from web.selectors.quote import quoted_cost
from web.services.ladder_asking import ladder_ask, ladder_events
from web.services.playground import MISSING_COMPUTE, answer_events, question_ask, question_quote, refusal

Events = AsyncIterator[dict[str, Any]]
EXAMPLE = {
    "prompt": "What is the capital of France? Answer in one sentence.",
    "max_tokens": 64,
    "worth": plain_usd(settings.ADAPTIVE_VALUE_NANO_USD),
}


@require_safe
@member_only
def playground(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show the form, the model first that the caller holds most compute for."""
    form = PromptForm(initial=EXAMPLE, models=model_choices(organisation_id=organisation.id))
    return page(request, "web/playground.html", organisation, {"form": form, "nav": "playground"})


@require_POST
@member_only
def quote(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Say what the question would use and cost at most, or why it cannot be asked."""
    form = _form(request, organisation.id)
    context: dict[str, object] = {"form": form}
    if form.is_valid():
        try:
            context |= _quoted(organisation.id, form)
        except CuxError as refused:
            context |= {"refused": refused, "advice": advice_on(refused)}
    return page(request, "web/panels/quote.html", organisation, context)


def _quoted(organisation_id: uuid.UUID, form: PromptForm) -> dict[str, object]:
    quoted: Quote | AdaptiveQuote
    found: dict[str, object] = {}
    if form.is_adaptive:
        quoted = _planned(organisation_id, form)
        first = quoted.quotes[quoted.plan.first.name]
        found["picture"] = plan_picture(msgspec.convert(plan_shown(quoted), AdaptivePlan))
    else:
        quoted = first = question_quote(organisation_id=organisation_id, **form.question)
    cost = quoted_cost(
        organisation_id=organisation_id, compute_class=quoted.compute_class, quote_ucu=quoted.quote_ucu
    )
    if cost.cost_nano_usd is None:
        found["where"] = where_to_buy(organisation_id=organisation_id, model=quoted.model)
    return found | {"quote": quoted, "first": first, "cost": cost}


@require_safe
@member_only
def tranches(request: HttpRequest, organisation: Organisation, adaptive_id: str) -> HttpResponse:
    """Show what was tried for a question so far; the panel asks again until it has ended."""
    known = parse_public_id("adaptive", adaptive_id)
    if known is None:
        raise CuxError(Code.UNKNOWN_ADAPTIVE_REQUEST)
    view = adaptive_get(organisation_id=organisation.id, request_id=known)
    return page(request, "web/panels/tranches.html", organisation, {"view": view})


async def stream(request: HttpRequest) -> HttpResponseBase:
    """Answer the question line by line (NDJSON). What can be refused is refused before the first line."""
    if request.method != "POST":
        return _refused(CuxError(Code.METHOD_NOT_ALLOWED))
    try:
        events = await in_thread(_ask, request)
    except CuxError as error:
        return _refused(error, await in_thread(_where, request) if error.code in MISSING_COMPUTE else None)
    response = StreamingHttpResponse(_lines(events), content_type="application/x-ndjson")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _ask(request: HttpRequest) -> Events:
    """Have the question asked; return what happens from then on."""
    member = member_of(request.user)
    if member is None:
        raise CuxError(Code.FORBIDDEN, "Your session has ended: sign in again.")
    if not may_trade(member):
        raise CuxError(Code.FORBIDDEN, "You may only look: a question spends the organisation's compute.")
    form = _form(request, member.organisation_id)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise CuxError(Code.INVALID_FIELD, str(errors[0]), param=name)
    if form.is_adaptive:
        planned = _planned(member.organisation_id, form)
        return ladder_events(planned, ladder_ask(quote=planned, now=utc_now()))
    return answer_events(question_ask(organisation_id=member.organisation_id, now=utc_now(), **form.question))


def _where(request: HttpRequest) -> WhereToBuy | None:
    member = member_of(request.user)
    if member is None:
        return None
    return where_to_buy(organisation_id=member.organisation_id, model=request.POST.get("model", ""))


def _form(request: HttpRequest, organisation_id: uuid.UUID) -> PromptForm:
    return PromptForm(request.POST, models=model_choices(organisation_id=organisation_id))


def _planned(organisation_id: uuid.UUID, form: PromptForm) -> AdaptiveQuote:
    asked = form.cleaned_data
    return adaptive_quote(
        organisation_id=organisation_id,
        model=asked["model"],
        messages=[{"role": "user", "content": asked["prompt"]}],
        ask=AdaptiveAsk(
            value_nano_usd=asked["worth"] or settings.ADAPTIVE_VALUE_NANO_USD,
            quality_ppm=form.quality_ppm,
            max_tokens=asked["max_tokens"],
        ),
        now=utc_now(),
    )


async def _lines(events: Events) -> AsyncIterator[bytes]:
    async with aclosing(events):  # type: ignore[type-var]
        async for happened in events:
            yield _line(happened)


def _line(happened: dict[str, Any]) -> bytes:
    if request_id := happened.pop("adaptive_id", ""):
        happened["tranches"] = reverse("web:playground_tranches", args=[request_id])
    if symbol := happened.pop("market", ""):
        happened["page"] = reverse("web:market_of", args=[symbol])
    elif happened.get("page"):
        happened["page"] = reverse(str(happened["page"]))
    return msgspec.json.encode(happened) + b"\n"


def _refused(error: CuxError, where: WhereToBuy | None = None) -> HttpResponse:
    return HttpResponse(_line(refusal(error, where)), status=error.status, content_type="application/json")
