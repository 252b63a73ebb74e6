"""Being paid: whom and where to, what can be paid out and when the rest can, and every payout."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Organisation
from accounts.services.second_factor_once import require_fresh_once
from billing.selectors.payout_views import payee_get, payout_just_taken
from billing.services.payee_onboard import payee_refresh
from billing.services.payee_start import payee_start
from billing.services.payout_start import payout_start
from core.clock import utc_now
from core.errors import Code, CuxError
from core.money import format_usd
from cux.wire.payouts import NewPayee, NewPayout, PayoutView
from inference.services.hold_backs_mature import hold_back_period_of
from web.access import member_only, owner_only
from web.forms import fresh_key
from web.leaving import back_to, leads_to_stripe
from web.money_forms import OnceForm, PayeeForm, PayoutForm
from web.page import page
from web.selectors.payouts import payouts_page
from web.words import needs_words


@require_safe
@member_only
@leads_to_stripe
def payouts(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show earnings, the payee and the payouts."""
    return _page(request, organisation, {})


@require_safe
@member_only
def returned(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Ask anew about whoever comes back from the payment service's page, then show it."""
    try:
        payee_get(organisation_id=organisation.id)
        payee_refresh(organisation_id=organisation.id, now=utc_now())
    except CuxError:  # the page says what is known
        pass
    return redirect("web:payouts")


@require_POST
@owner_only
@leads_to_stripe
def onboard(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Lead to the payment service's page, on which its owner says who is paid and to which bank."""
    form = PayeeForm(request.POST)
    if form.is_valid():
        asked = NewPayee(
            country=form.cleaned_data["country"], return_url=back_to(request, "web:payee_returned")
        )
        try:
            _require_fresh(organisation, form, "onboard")
            made = payee_start(
                organisation_id=organisation.id,
                asked=asked,
                key=f"web:{form.cleaned_data['key']}",
                hold_back=hold_back_period_of(organisation_id=organisation.id),
                now=utc_now(),
            )
        except CuxError as refused:
            form.refuse(refused)
        else:
            return redirect(made.onboarding_url)
    form.data = {**request.POST.dict(), "key": fresh_key()}
    return _page(request, organisation, {"payee_form": form}, status=422)


@require_POST
@owner_only
@leads_to_stripe
def make(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Pay out now instead of at the day's hour."""
    form = PayoutForm(request.POST)
    if form.is_valid():
        asked = NewPayout(amount_nano_usd=form.cleaned_data["amount"])
        try:
            _require_fresh(organisation, form, "payout")
            key = f"web:{form.cleaned_data['key']}"
            made = payout_start(organisation_id=organisation.id, asked=asked, key=key, now=utc_now())
        except CuxError as refused:
            taken = _just_taken(organisation, refused)
            if taken is not None:
                messages.info(request, taken)
                return redirect("web:payouts")
            form.refuse(refused)
        else:
            messages.add_message(request, *_said(made))
            return redirect("web:payouts")
    form.data = {**request.POST.dict(), "key": fresh_key()}
    return _page(request, organisation, {"payout_form": form}, status=422)


def _require_fresh(organisation: Organisation, form: OnceForm, what: str) -> None:
    """Use up the form's code for what it asks for."""
    asked = {name: value for name, value in form.cleaned_data.items() if name != "code"}
    require_fresh_once(
        organisation_id=organisation.id,
        code=form.cleaned_data["code"],
        key=f"web:{form.cleaned_data['key']}",
        asked=f"{what} {sorted(asked.items())}".encode(),
        now=utc_now(),
    )


def _just_taken(organisation: Organisation, refused: CuxError) -> str | None:
    """Return what became of the money of a refused payout, if another one has just taken it."""
    if refused.code is not Code.PAYOUT_TOO_SMALL:
        return None
    taken = payout_just_taken(organisation_id=organisation.id, now=utc_now())
    if taken is None or taken.decided_at is None:
        return None
    what = "the daily payout" if taken.day is not None else "a payout"
    amount = format_usd(taken.amount_nano_usd)
    return f"{amount} is already on its way: {what} took it at {taken.decided_at:%H:%M} UTC."


def _said(made: PayoutView) -> tuple[int, str]:
    amount = format_usd(made.amount_nano_usd)
    if made.status == "blocked":
        return messages.WARNING, f"{amount} waits for two of our people to look at it. Nothing moved."
    return messages.SUCCESS, f"{amount} is on its way to your bank."


def _page(
    request: HttpRequest, organisation: Organisation, forms: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    found = payouts_page(organisation_id=organisation.id, now=utc_now())
    country = found.payee.country if found.payee is not None else ""
    context = {
        "page": found,
        "payee_form": PayeeForm(initial={"key": fresh_key(), "country": country}),
        "payout_form": PayoutForm(initial={"key": fresh_key()}),
        "needs": needs_words(found.payee.requirements) if found.payee is not None else [],
        "nav": "wallet",
        "tab": "payouts",
    }
    return page(request, "web/payouts.html", organisation, context | forms, status=status)
