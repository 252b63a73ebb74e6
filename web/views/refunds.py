"""Having unspent money back: what reaches which card, before anything is done."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.models import Organisation
from billing.selectors.card_views import refund_preview
from billing.selectors.refundable import refund_plan
from billing.services.refund_start import refund_start
from core.clock import utc_now
from core.errors import Code, CuxError
from core.money import format_usd
from cux.wire.payments import NewRefund, RefundPreview
from web.access import owner_only
from web.forms import fresh_key
from web.money_forms import RefundForm, plain_usd
from web.page import page


@require_http_methods(["GET", "HEAD", "POST"])
@owner_only
def refund(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show what a refund would come to (of all that is unspent, if no amount is given), or ask for it."""
    if request.method == "POST":
        return _ask(request, organisation)
    most = _preview(organisation, None)
    if most is None:
        return _page(request, organisation, RefundForm(), None)
    typed = request.GET.get("amount") or plain_usd(most.most_nano_usd)
    form = RefundForm({"amount": typed, "key": fresh_key()})
    return _page(request, organisation, form, most)


def _ask(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    form = RefundForm(request.POST)
    if form.is_valid():
        try:
            begun = refund_start(
                organisation_id=organisation.id,
                asked=NewRefund(amount_nano_usd=form.cleaned_data["amount"]),
                key=f"web:{form.cleaned_data['key']}",
                now=utc_now(),
            )
        except CuxError as refused:
            form.refuse(refused)
        else:
            card = format_usd(sum(part.card_nano_usd for part in begun))
            messages.success(request, f"{card} is on its way back. Banks take 5 to 10 days to show it.")
            return redirect("web:wallet")
    return _page(request, organisation, form, _preview(organisation, None), status=422)


def _page(
    request: HttpRequest,
    organisation: Organisation,
    form: RefundForm,
    most: RefundPreview | None,
    *,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "most": most, "nav": "wallet", "tab": "overview"}
    if most is not None and form.is_bound and form.is_valid():
        try:
            plan = refund_plan(organisation_id=organisation.id, amount_nano_usd=form.cleaned_data["amount"])
            context["preview"] = refund_preview(plan)
        except CuxError as refused:
            form.refuse(refused)
    is_part = request.headers.get("HX-Request") and request.method != "POST"
    template = "web/panels/refund_preview.html" if is_part else "web/refund_form.html"
    return page(request, template, organisation, context, status=status)


def _preview(organisation: Organisation, amount: int | None) -> RefundPreview | None:
    """Return what refunding an amount, or all that is unspent, would come to; None: nothing can be."""
    try:
        return refund_preview(refund_plan(organisation_id=organisation.id, amount_nano_usd=amount))
    except CuxError as refused:
        if refused.code in (Code.NOTHING_TO_REFUND, Code.INSUFFICIENT_BALANCE):
            return None
        raise
