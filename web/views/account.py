"""One's own account: who one is, and the second factor that guards money's way out."""

from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Organisation
from accounts.selectors import member_of, second_factor_of
from accounts.services.second_factor import (
    second_factor_begin,
    second_factor_confirm,
    second_factor_remove,
)
from accounts.services.webhook_endpoints import webhook_endpoints
from accounts.services.webhooks_deliver import webhook_deliveries
from core.clock import utc_now
from core.errors import CuxError
from core.ids import public_id
from inference.services.content_erase import content_forget
from web.access import member_only, owner_only
from web.money_forms import CodeForm, ForgetForm
from web.page import page

DELIVERIES = 10


@require_safe
@member_only
def account(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show who one is, the second factor and the webhooks."""
    return account_page(request, organisation, {})


@require_POST
@member_only
@never_cache
def factor_begin(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Draw a secret and show it, as a picture for the telephone and as text: this once."""
    try:
        address = second_factor_begin(user=_user(request))
    except CuxError as refused:
        messages.error(request, refused.message)
        return redirect("web:account")
    picture = segno.make(address, error="m").svg_data_uri(scale=5, border=4, light="#fff")
    secret = address.partition("secret=")[2].partition("&")[0]
    spaced = " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))
    context = {"picture": picture, "secret": spaced, "form": CodeForm()}
    return _factor_page(request, organisation, context)


@require_POST
@member_only
@never_cache
def factor_confirm(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Take the secret into use with a code of it, and show the recovery codes: this once."""
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            recovery = second_factor_confirm(
                user=_user(request), code=form.cleaned_data["code"], now=utc_now()
            )
        except CuxError as refused:
            form.refuse(refused)
        else:
            return _factor_page(request, organisation, {"recovery": recovery})
    return _factor_page(request, organisation, {"form": form}, status=422)


@require_POST
@member_only
def factor_remove(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Remove the factor, with a fresh code of it."""
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            second_factor_remove(user=_user(request), code=form.cleaned_data["code"], now=utc_now())
        except CuxError as refused:
            form.refuse(refused)
        else:
            messages.success(request, "The second factor is removed.")
            return redirect("web:account")
    return account_page(request, organisation, {"factor_form": form}, status=422)


@require_POST
@owner_only
def forget(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Erase all prompts and answers, for who spells the organisation's name."""
    form = ForgetForm(request.POST)
    if form.is_valid():
        try:
            done = content_forget(
                organisation_id=organisation.id, confirm=form.cleaned_data["confirm"], now=utc_now()
            )
        except CuxError as refused:
            form.refuse(refused)
        else:
            messages.success(request, f"What was said and answered in {done.jobs:,} jobs is erased.")
            return redirect("web:account")
    return account_page(request, organisation, {"forget_form": form}, status=422)


def account_page(
    request: HttpRequest, organisation: Organisation, more: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Show the page, with a form that was refused or what is shown this once."""
    user = _user(request)
    context = {
        "member": member_of(user),
        "factor": second_factor_of(user),
        "factor_form": CodeForm(),
        "forget_form": ForgetForm(),
        "webhooks": [(public_id("webhook", row.id), row) for row in webhook_endpoints(organisation.id)],
        "deliveries": [
            (public_id("delivery", row.id), row) for row in webhook_deliveries(organisation.id)[:DELIVERIES]
        ],
        "nav": "account",
    }
    return page(request, "web/account.html", organisation, context | more, status=status)


def _factor_page(
    request: HttpRequest, organisation: Organisation, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    return page(request, "web/second_factor.html", organisation, context | {"nav": "account"}, status=status)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the page is for members
    return request.user
