"""The playground: a question, its quote, the answer as it comes, its receipt."""

import uuid
from collections.abc import AsyncIterator

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Organisation
from accounts.selectors import member_of
from core.clock import utc_now
from core.errors import Code, CuxError
from core.threads import in_thread
from inference.selectors.catalogue import model_list
from web.access import may_trade, member_only
from web.advice import advice_on
from web.forms import PromptForm
from web.page import page
from web.selectors.asking import WhereToBuy, model_choices, where_to_buy
from web.selectors.quote import quoted_cost
from web.services.playground import MISSING_COMPUTE, answer_events, question_ask, question_quote, refusal

EXAMPLE = {"prompt": "What is the capital of France? Answer in one sentence.", "max_tokens": 64}


@require_safe
@member_only
def playground(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show the form, the model first that the caller holds most compute for."""
    models = [(each.name, each.label) for each in model_choices(organisation_id=organisation.id)]
    form = PromptForm(initial=EXAMPLE, models=models)
    return page(request, "web/playground.html", organisation, {"form": form, "nav": "playground"})


@require_POST
@member_only
def quote(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Say what the question would use and cost at most, or why it cannot be asked."""
    form = _form(request)
    context: dict[str, object] = {"form": form}
    if form.is_valid():
        try:
            quoted = question_quote(organisation_id=organisation.id, **form.cleaned_data)
            cost = quoted_cost(
                organisation_id=organisation.id,
                compute_class=quoted.compute_class,
                quote_ucu=quoted.quote_ucu,
            )
            context |= {"quote": quoted, "cost": cost}
            if cost.cost_nano_usd is None:
                context["where"] = where_to_buy(organisation_id=organisation.id, model=quoted.model)
        except CuxError as refused:
            context |= {"refused": refused, "advice": advice_on(refused)}
    return page(request, "web/panels/quote.html", organisation, context)


async def stream(request: HttpRequest) -> HttpResponseBase:
    """Answer the question line by line (NDJSON). What can be refused is refused before the first line."""
    if request.method != "POST":
        return _refused(CuxError(Code.METHOD_NOT_ALLOWED))
    try:
        job_id = await in_thread(_ask, request)
    except CuxError as error:
        return _refused(error, await in_thread(_where, request) if error.code in MISSING_COMPUTE else None)
    response = StreamingHttpResponse(_lines(job_id), content_type="application/x-ndjson")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _ask(request: HttpRequest) -> uuid.UUID:
    member = member_of(request.user)
    if member is None:
        raise CuxError(Code.FORBIDDEN, "Your session has ended: sign in again.")
    if not may_trade(member):
        raise CuxError(Code.FORBIDDEN, "You may only look: a question spends the organisation's compute.")
    form = _form(request)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise CuxError(Code.INVALID_FIELD, str(errors[0]), param=name)
    return question_ask(organisation_id=member.organisation_id, now=utc_now(), **form.cleaned_data)


def _where(request: HttpRequest) -> WhereToBuy | None:
    member = member_of(request.user)
    if member is None:
        return None
    return where_to_buy(organisation_id=member.organisation_id, model=request.POST.get("model", ""))


def _form(request: HttpRequest) -> PromptForm:
    return PromptForm(request.POST, models=[(model.name, model.name) for model in model_list()])


async def _lines(job_id: uuid.UUID) -> AsyncIterator[bytes]:
    async for happened in answer_events(job_id):
        yield _line(happened)


def _line(happened: dict[str, object]) -> bytes:
    if symbol := happened.pop("market", ""):
        happened["page"] = reverse("web:market_of", args=[symbol])
    elif happened.get("page"):
        happened["page"] = reverse(str(happened["page"]))
    return msgspec.json.encode(happened) + b"\n"


def _refused(error: CuxError, where: WhereToBuy | None = None) -> HttpResponse:
    return HttpResponse(_line(refusal(error, where)), status=error.status, content_type="application/json")
