"""Paying in: what it will come to, the card page or a saved card, and how far it has got."""

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Organisation
from billing.rules.limits import require_deposit
from billing.selectors.card_views import deposit_get, deposit_list
from billing.services.deposit_start import deposit_start
from billing.services.deposit_step import deposit_step
from billing.services.tax import tax_for
from billing.stripe_gateway import Misconfigured, Unavailable
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.payments import DepositView, NewDeposit
from web.access import member_only, trader_only
from web.advice import advice_on
from web.forms import fresh_key
from web.leaving import back_to, leads_to_stripe
from web.money_forms import CARD_PAGE, DepositForm
from web.page import page
from web.selectors.cards import card_choices
from web.selectors.wallet import wallet_figures

EXAMPLE = "100.00"


@require_http_methods(["GET", "HEAD", "POST"])
@trader_only
@leads_to_stripe
def deposit(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show the form, or pay in what it says."""
    cards = card_choices(organisation.id)
    if request.method != "POST":
        asked = {"amount": request.GET.get("amount", EXAMPLE), "key": fresh_key()}
        first = cards[0][0] if cards else CARD_PAGE
        form = DepositForm(initial=asked | {"pay_with": first, "save_card": True}, cards=cards)
        return _form_page(request, organisation, form, {})
    form = DepositForm(request.POST, cards=cards)
    if not form.is_valid():
        return _form_page(request, organisation, form, {}, status=422)
    try:
        made = deposit_start(
            organisation_id=organisation.id,
            asked=_asked(request, form),
            key=f"web:{form.cleaned_data['key']}",
            now=utc_now(),
        )
    except CuxError as refused:
        form.refuse(refused)
        if refused.code is not Code.DEPENDENCY_UNAVAILABLE:  # then the same key asks again
            form.data = {**request.POST.dict(), "key": fresh_key()}
        return _form_page(request, organisation, form, {"advice": advice_on(refused)}, status=422)
    return redirect(made.checkout_url or made.action_url or _progress(made))


@require_POST
@member_only
def quote(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Say what paying in would come to, tax and all; of an amount that cannot be, why not."""
    form = DepositForm(request.POST, cards=[])
    form.is_valid()
    context = _quoted(organisation, form.cleaned_data.get("amount"))
    return page(request, "web/panels/deposit_quote.html", organisation, context)


@require_safe
@member_only
def returned(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Lead whoever comes back from the card page to the deposit that was begun last, asked about anew."""
    newest = deposit_list(organisation_id=organisation.id, limit=1)
    if not newest:
        return redirect("web:wallet")
    is_known = newest[0].status != "open" or _asked_anew(newest[0])
    return redirect(_progress(newest[0]) + ("" if is_known else "?confirming"))


@require_safe
@member_only
@leads_to_stripe
def progress(request: HttpRequest, organisation: Organisation, deposit_id: str) -> HttpResponse:
    """Show how far a deposit has got; with htmx only the panel, which asks again until it is over."""
    known: uuid.UUID | None = parse_public_id("deposit", deposit_id)
    if known is None:
        raise Http404
    found = deposit_get(organisation_id=organisation.id, deposit_id=known)
    figures = wallet_figures(organisation.id)
    context = {
        "deposit": found,
        "figures": figures,
        "is_over": _is_over(found, figures.arriving),
        "is_confirming": "confirming" in request.GET and found.status == "open",
        "nav": "wallet",
        "tab": "overview",
    }
    is_part = request.headers.get("HX-Request")
    return page(request, "web/panels/deposit.html" if is_part else "web/deposit.html", organisation, context)


def _asked_anew(deposit: DepositView) -> bool:
    """Ask what became of a deposit on the card page; return whether the payment service could say."""
    known = parse_public_id("deposit", deposit.deposit_id)
    assert known is not None
    try:
        deposit_step(deposit_id=known, now=utc_now())
    except (Unavailable, Misconfigured, CuxError):  # the reconciler goes on
        return False
    return True


def _is_over(deposit: DepositView, arriving: int) -> bool:
    """Tell whether nothing will change any more: it came to nothing, or all of the money has arrived."""
    return deposit.status in ("failed", "expired") or (deposit.status == "succeeded" and not arriving)


def _form_page(
    request: HttpRequest,
    organisation: Organisation,
    form: DepositForm,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    typed = form["amount"].value()
    amount = (
        form.cleaned_data.get("amount") if form.is_bound else DepositForm.base_fields["amount"].clean(typed)
    )
    everything = context | _quoted(organisation, amount) | {"form": form, "nav": "wallet", "tab": "overview"}
    return page(request, "web/deposit_form.html", organisation, everything, status=status)


def _quoted(organisation: Organisation, amount: int | None) -> dict[str, Any]:
    """Return tax and total of an amount, or why it cannot be paid in; nothing, if there is none."""
    if amount is None:
        return {}
    try:
        require_deposit(amount)
    except CuxError as refused:
        return {"problem": refused.message}
    tax = tax_for(organisation_id=organisation.id, net_nano_usd=amount, now=utc_now())
    figures = wallet_figures(organisation.id)
    return {
        "amount": amount,
        "tax": tax,
        "total": amount + tax.amount_nano_usd,
        "repays": min(amount, figures.debt),
        "after": figures.spendable + figures.arriving + max(0, amount - figures.debt),
    }


def _asked(request: HttpRequest, form: DepositForm) -> NewDeposit:
    data = form.cleaned_data
    on_page = data["pay_with"] == CARD_PAGE
    return NewDeposit(
        amount_nano_usd=data["amount"],
        payment_method=None if on_page else data["pay_with"],
        return_url=back_to(request, "web:deposit_returned"),
        save_card=data["save_card"] and on_page,
    )


def _progress(deposit: DepositView) -> str:
    return reverse("web:deposit_progress", args=[deposit.deposit_id])
