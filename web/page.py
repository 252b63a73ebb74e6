"""Rendering: every page knows for whom it is."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Organisation
from accounts.selectors import member_of
from inference.models import Provider
from web.access import may_trade, may_withdraw


def page(
    request: HttpRequest,
    template: str,
    organisation: Organisation | None,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """Render a template with the organisation, whether it is a provider, and what the person may do."""
    member = member_of(request.user) if organisation is not None else None
    is_provider = organisation is not None and Provider.objects.filter(organisation=organisation).exists()
    everywhere = {
        "organisation": organisation,
        "is_provider": is_provider,
        "may_trade": member is not None and may_trade(member),
        "may_withdraw": member is not None and may_withdraw(member),
        "is_test_market": settings.MARKET_MODE == "test",
    }
    return render(request, template, everywhere | context, status=status)
