"""The order ticket and what is done with orders. With htmx only the panel comes back, else the page."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.models import Organisation
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.orders import OrderView
from exchange.sequencer.protocol import CancelAll, CancelOrder, NewOrder
from web.access import trader_only
from web.advice import advice_on
from web.forms import OrderForm, fresh_key
from web.page import page
from web.selectors.account import open_orders
from web.selectors.market import MarketView, instrument_of
from web.selectors.preview import order_preview
from web.services.order_submit import order_cancel, order_submit

DEFAULTS = {"side": "buy", "type": "limit", "tif": "GTC", "quantity_lots": 10}
_MAY_REPEAT = {Code.SEQUENCER_UNAVAILABLE, Code.SEQUENCER_BUSY}


def blank_ticket(view: MarketView, organisation: Organisation, chosen: Mapping[str, str]) -> dict[str, Any]:
    """Return a ticket for the best offer, or for what a link to a book row chose, with its preview."""
    best = view.asks[0].price_ticks if view.asks else view.instrument.band_low_ticks
    given = {name: chosen[name] for name in ("side", "price_ticks", "quantity_lots") if name in chosen}
    fixed = {"instrument": view.instrument.symbol, "key": fresh_key()}
    form = OrderForm(DEFAULTS | {"price_ticks": best} | given | fixed)
    return {"form": form} | (_previewed(form.order(organisation.id)) if form.is_valid() else {})


@require_POST
@trader_only
def preview(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Say what the ticket's order would come to; of an incomplete one nothing."""
    form = OrderForm(request.POST)
    context = {"form": form} | (_previewed(form.order(organisation.id)) if form.is_valid() else {})
    if not request.headers.get("HX-Request"):
        context.setdefault("instrument", instrument_of(request.POST.get("instrument")))
        return page(request, "web/ticket.html", organisation, context)
    return page(request, "web/panels/preview.html", organisation, context)


@require_POST
@trader_only
def place(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Place the ticket's order; show it again with the result, or with what is wrong."""
    form = OrderForm(request.POST)
    placed = None
    context: dict[str, Any] = {}
    if form.is_valid():
        order = form.order(organisation.id)
        try:
            placed = order_submit(order=order)
        except CuxError as refused:
            form.refuse(refused)
            context = {"advice": advice_on(refused), "refused": refused}
        context |= _previewed(order)
    if placed is not None and not request.headers.get("HX-Request"):
        messages.success(request, _said(placed))
        return redirect("web:market_of", symbol=placed.instrument)
    return _ticket(request, organisation, form, placed, context)


@require_POST
@trader_only
def cancel(request: HttpRequest, organisation: Organisation, order_id: str) -> HttpResponse:
    """Cancel one open order."""
    known = parse_public_id("order", order_id)
    if known is None:
        raise CuxError(Code.UNKNOWN_ORDER)
    return _cancelled(request, organisation, CancelOrder(organisation.id, None, known))


@require_POST
@trader_only
def cancel_all(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Cancel all open orders."""
    return _cancelled(request, organisation, CancelAll(organisation.id))


def _ticket(
    request: HttpRequest,
    organisation: Organisation,
    form: OrderForm,
    placed: OrderView | None,
    context: dict[str, Any],
) -> HttpResponse:
    """Show the ticket with its next key; after "it may have been placed" with the same one."""
    instrument = instrument_of(request.POST.get("instrument"))
    refused = context.get("refused")
    if not (refused and refused.code in _MAY_REPEAT):
        form.data = {**request.POST.dict(), "key": fresh_key()}
    context |= {"form": form, "placed": placed, "instrument": instrument}
    whole = not request.headers.get("HX-Request")
    response = page(request, "web/ticket.html" if whole else "web/panels/ticket.html", organisation, context)
    response.status_code = 422 if form.errors else 200
    response["HX-Trigger"] = "account"
    return response


def _previewed(order: NewOrder) -> dict[str, Any]:
    instrument = instrument_of(order.instrument)
    return {"preview": order_preview(order=order, instrument=instrument), "instrument": instrument}


def _cancelled(
    request: HttpRequest, organisation: Organisation, command: CancelOrder | CancelAll
) -> HttpResponse:
    """Have it done and show what is open now."""
    order_cancel(command=command)
    if not request.headers.get("HX-Request"):
        return redirect("web:market")
    context = {"orders": open_orders(organisation.id)}
    response = page(request, "web/panels/orders.html", organisation, context)
    response["HX-Trigger"] = "account"
    return response


def _said(order: OrderView) -> str:
    lots = f", {order.cumulative_lots} of {order.quantity_lots} lots traded" if order.cumulative_lots else ""
    return f"Order {order.status.replace('_', ' ')}{lots}."
