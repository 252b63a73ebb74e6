"""Saved cards, and the standing order to pay in by one of them when little is left."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Organisation
from billing.selectors.auto_top_up import auto_top_up_get
from billing.services.auto_top_up_set import auto_top_up_end, auto_top_up_set
from billing.services.payment_methods import (
    payment_method_default,
    payment_method_forget,
    payment_method_setup,
)
from core.clock import utc_now
from core.errors import CuxError
from cux.wire.payments import AutoTopUpRules, AutoTopUpView, PaymentMethodView
from web.access import member_only, trader_only
from web.leaving import back_to, leads_to_stripe
from web.money_forms import TopUpForm, plain_usd
from web.page import page
from web.selectors.cards import card_list, card_name

View = Callable[..., HttpResponse]
Cards = list[PaymentMethodView] | None
EXAMPLE = {"threshold": "20.00", "amount": "50.00", "monthly_cap": "200.00"}


@require_http_methods(["GET", "HEAD"])
@member_only
@leads_to_stripe
def cards(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show the saved cards and the rules of the automatic top-up."""
    return _page(request, organisation, card_list(organisation.id), None)


def _or_say_why_not(view: View) -> View:
    """Do what a button asks for and go back to the cards, with what was refused if it was."""

    @wraps(view)
    def wrapped(request: HttpRequest, organisation: Organisation, **names: str) -> HttpResponse:
        try:
            return view(request, organisation, **names)
        except CuxError as refused:
            messages.error(request, refused.message)
            return redirect("web:cards")

    return wrapped


@require_POST
@trader_only
@_or_say_why_not
def add(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Lead to the page on which a card is saved."""
    back = back_to(request, "web:cards")
    return redirect(payment_method_setup(organisation_id=organisation.id, return_url=back))


@require_POST
@trader_only
@_or_say_why_not
def prefer(request: HttpRequest, organisation: Organisation, payment_method: str) -> HttpResponse:
    """Have a card be the first choice."""
    payment_method_default(organisation_id=organisation.id, payment_method_id=payment_method)
    return redirect("web:cards")


@require_POST
@trader_only
@_or_say_why_not
def forget(request: HttpRequest, organisation: Organisation, payment_method: str) -> HttpResponse:
    """Forget a card."""
    gone = payment_method_forget(organisation_id=organisation.id, payment_method_id=payment_method)
    messages.success(request, f"{card_name(gone)}: forgotten.")
    return redirect("web:cards")


@require_POST
@trader_only
def top_up(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Set the rules and switch them on."""
    saved = card_list(organisation.id)
    form = _form(saved, request.POST, None)
    if form.is_valid():
        data = form.cleaned_data
        rules = AutoTopUpRules(
            threshold_nano_usd=data["threshold"],
            amount_nano_usd=data["amount"],
            monthly_cap_nano_usd=data["monthly_cap"],
            payment_method=data["card"],
        )
        try:
            auto_top_up_set(organisation_id=organisation.id, rules=rules, now=utc_now())
        except CuxError as refused:
            form.refuse(refused)
        else:
            messages.success(request, "The automatic top-up is on.")
            return redirect("web:cards")
    return _page(request, organisation, saved, form, status=422)


@require_POST
@trader_only
@_or_say_why_not
def top_up_end(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Switch the automatic top-up off."""
    auto_top_up_end(organisation_id=organisation.id, now=utc_now())
    messages.success(request, "The automatic top-up is off.")
    return redirect("web:cards")


def _page(
    request: HttpRequest,
    organisation: Organisation,
    saved: Cards,
    form: TopUpForm | None,
    *,
    status: int = 200,
) -> HttpResponse:
    rules = _rules(organisation)
    context = {
        "cards": [(card, card_name(card)) for card in saved or []],
        "is_known": saved is not None,
        "rules": rules,
        "form": form or _form(saved, None, rules),
        "nav": "wallet",
        "tab": "cards",
    }
    return page(request, "web/cards.html", organisation, context, status=status)


def _form(saved: Cards, data: Any, rules: AutoTopUpView | None) -> TopUpForm:
    """Return the form as it was sent, or else with the rules of now."""
    choices = [(card.payment_method, card_name(card)) for card in saved or []]
    initial = EXAMPLE
    if rules is not None:
        initial = {
            "threshold": plain_usd(rules.threshold_nano_usd),
            "amount": plain_usd(rules.amount_nano_usd),
            "monthly_cap": plain_usd(rules.monthly_cap_nano_usd),
            "card": rules.payment_method,
        }
    return TopUpForm(data, initial=initial, cards=choices)


def _rules(organisation: Organisation) -> AutoTopUpView | None:
    try:
        return auto_top_up_get(organisation_id=organisation.id, now=utc_now())
    except CuxError:
        return None
