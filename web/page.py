"""Rendering: every page knows for whom it is."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Organisation
from inference.models import Provider


def page(
    request: HttpRequest,
    template: str,
    organisation: Organisation | None,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """Render a template with the organisation, and whether it is a provider."""
    is_provider = organisation is not None and Provider.objects.filter(organisation=organisation).exists()
    everywhere = {
        "organisation": organisation,
        "is_provider": is_provider,
        "is_test_market": settings.MARKET_MODE == "test",
    }
    return render(request, template, everywhere | context, status=status)
