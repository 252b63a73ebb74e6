"""The market page: public, with the own orders and money beside it for who is signed in."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Organisation
from accounts.selectors import member_of
from core.clock import utc_now
from web.access import member_only, not_found_as_404
from web.page import page
from web.selectors.account import account_panels, open_orders
from web.selectors.market import market_view
from web.views.ticket import blank_ticket


@require_safe
@not_found_as_404
def market(request: HttpRequest, symbol: str | None = None) -> HttpResponse:
    """Show an instrument's book and tape, and to members the ticket, their orders and money."""
    view = market_view(symbol=symbol, now=utc_now())
    member = member_of(request.user)
    context: dict[str, Any] = {"market": view, "instrument": view.instrument, "nav": "market"}
    if member is None:
        return page(request, "web/market.html", None, context)
    context |= blank_ticket(view, member.organisation, request.GET) | {
        "orders": open_orders(member.organisation_id),
        "account": account_panels(member.organisation_id),
    }
    return page(request, "web/market.html", member.organisation, context)


@require_safe
@member_only
def orders_panel(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show the open orders alone, when they changed."""
    return page(request, "web/panels/orders.html", organisation, {"orders": open_orders(organisation.id)})


@require_safe
@member_only
def account_panel(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show money, entitlements and jobs alone, when they changed."""
    context = {"account": account_panels(organisation.id)}
    return page(request, "web/panels/account.html", organisation, context)
