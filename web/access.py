"""For whom a page is: signed-in people act for the organisation they are a member of."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from accounts.models import Member, Organisation
from accounts.selectors import member_of
from core.errors import CuxError

View = Callable[..., HttpResponse]


def may_trade(member: Member) -> bool:
    """Tell whether a person may spend the organisation's money and compute, not only look."""
    return member.role != Member.Role.VIEWER


def may_withdraw(member: Member) -> bool:
    """Tell whether a person may have money leave the organisation, and name who is told of what it does."""
    return member.role == Member.Role.OWNER


def own(request: HttpRequest) -> Organisation | None:
    """Return the organisation for which whoever asks acts, or None."""
    member = member_of(request.user)
    return member.organisation if member is not None else None


def member_only(view: View) -> View:
    """Call `view(request, organisation, …)`; who is not signed in goes to the sign-in page."""
    return _acting(view, may=lambda member: True)


def trader_only(view: View) -> View:
    """Call `view(request, organisation, …)` unless the person may only look."""
    return _acting(view, may=may_trade)


def owner_only(view: View) -> View:
    """Call `view(request, organisation, …)` for the organisation's owners."""
    return _acting(view, may=may_withdraw)


def operator_only(view: View) -> View:
    """Call `view(request, organisation, …)` for the owners of the house: its operators."""
    return _acting(view, may=lambda member: may_withdraw(member) and member.organisation.is_house)


def not_found_as_404(view: View) -> View:
    """Turn a refusal that something does not exist into Django's 404, so that the page for it shows."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except CuxError as error:
            if error.status == 404:
                raise Http404(error.message) from error
            raise

    return wrapped


def _acting(view: View, *, may: Callable[[Member], bool]) -> View:
    @login_required
    @not_found_as_404
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        member = member_of(request.user)
        if member is None or not may(member):
            raise PermissionDenied
        return view(request, member.organisation, *args, **kwargs)

    return wrapped
