"""API keys: which there are and when each was used, a new one shown once, one revoked for good."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Organisation
from accounts.selectors import has_second_factor
from accounts.services import api_key_revoke
from accounts.services.api_key_by_owner import api_key_by_owner
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id
from web.access import member_only, owner_only
from web.key_forms import KeyForm
from web.page import page
from web.selectors.api_keys import keys_page


@require_safe
@member_only
def keys(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show the organisation's keys, those that still work first."""
    found = keys_page(organisation_id=organisation.id, now=utc_now())
    return page(request, "web/keys.html", organisation, {"page": found, "nav": "account"})


@require_http_methods(["GET", "HEAD", "POST"])
@owner_only
@never_cache
def new(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Make a key; its secret is shown this once."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "nav": "account", "has_second_factor": has_second_factor(organisation.id)}
    if not form.is_bound:
        return page(request, "web/key.html", organisation, context)
    if form.is_valid():
        data, now = form.cleaned_data, utc_now()
        try:
            made = api_key_by_owner(
                organisation_id=organisation.id,
                name=data["name"],
                scopes=data["scopes"],
                expires_at=form.expires_at(now),
                allowed_networks=data["networks"],
                code=data["code"],
                now=now,
            )
        except CuxError as refused:
            form.refuse(refused)
        else:
            return page(request, "web/key.html", organisation, context | {"made": made})
    return page(request, "web/key.html", organisation, context, status=422)


@require_POST
@owner_only
def revoke(request: HttpRequest, organisation: Organisation, key_id: str) -> HttpResponse:
    """End a key for good, everywhere within a second."""
    known = parse_public_id("key", key_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND)
    api_key_revoke(organisation_id=organisation.id, key_id=known, now=utc_now())
    messages.success(request, "The key is revoked: it is refused everywhere within a second.")
    return redirect("web:keys")
