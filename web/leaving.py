"""Pages of ours whose forms lead to pages of Stripe's."""

from collections.abc import Callable
from typing import cast

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

View = Callable[..., HttpResponse]


def leads_to_stripe(view: View) -> View:
    """Let the forms of a page end at Stripe's: browsers hold redirections to the policy of the page too."""
    return cast(View, csp_update({"form-action": settings.STRIPE_PAGES})(view))


def back_to(request: HttpRequest, name: str) -> str:
    """Return the whole address of a page of ours, for Stripe to lead back to."""
    return request.build_absolute_uri(reverse(name))
