"""Where the organisation is told of events, and what it was told."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Organisation
from accounts.services.webhook_endpoints import webhook_endpoint_create, webhook_endpoint_remove
from accounts.services.webhooks_deliver import webhook_replay
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from web.access import owner_only
from web.money_forms import WebhookForm
from web.page import page


@require_http_methods(["GET", "HEAD", "POST"])
@owner_only
@never_cache
def add(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Have an address told of events; its secret is shown this once."""
    form = WebhookForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "nav": "account"}
    if not form.is_bound:
        return page(request, "web/webhook.html", organisation, context)
    if form.is_valid():
        data = form.cleaned_data
        try:
            made = webhook_endpoint_create(
                organisation_id=organisation.id, url=data["url"], types=data["types"]
            )
        except CuxError as refused:
            form.refuse(refused)
        else:
            return page(request, "web/webhook.html", organisation, context | {"made": made})
    return page(request, "web/webhook.html", organisation, context, status=422)


@require_POST
@owner_only
def remove(request: HttpRequest, organisation: Organisation, webhook_id: str) -> HttpResponse:
    """Tell an address nothing more."""
    known = parse_public_id("webhook", webhook_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND)
    webhook_endpoint_remove(organisation_id=organisation.id, endpoint_id=known, now=utc_now())
    messages.success(request, "The webhook is removed.")
    return redirect("web:account")


@require_POST
@owner_only
def replay(request: HttpRequest, organisation: Organisation, delivery_id: str) -> HttpResponse:
    """Have an event delivered once more."""
    known = parse_public_id("delivery", delivery_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND)
    webhook_replay(organisation_id=organisation.id, delivery_id=known, now=utc_now())
    messages.success(request, "It is being delivered once more.")
    return redirect("web:account")
