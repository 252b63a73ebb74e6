"""The wallet: where the money is, what came and went by card, every line of the ledger."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Organisation
from billing.selectors.card_views import deposit_list, refund_list
from billing.selectors.payout_views import dispute_list
from core.errors import Code, CuxError
from core.ids import parse_public_id
from web.access import member_only
from web.page import page
from web.selectors.activity import PAGE, activity_page
from web.selectors.wallet import wallet_figures, wallet_page

LISTS: dict[str, tuple[str, str, Callable[..., list]]] = {  # type: ignore[type-arg]
    "deposits": ("Deposits", "deposit", deposit_list),
    "refunds": ("Refunds", "refund", refund_list),
    "disputes": ("Disputes", "dispute", dispute_list),
}
"""Lists of what came and went by card: title, kind of its ids, and its reader."""


@require_safe
@member_only
def wallet(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show where the money is and the newest of what came and went."""
    return page(
        request, "web/wallet.html", organisation, _of("overview") | {"page": wallet_page(organisation.id)}
    )


@require_safe
@member_only
def balance_panel(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show the balance alone, when it changed."""
    return page(
        request, "web/panels/balance.html", organisation, {"figures": wallet_figures(organisation.id)}
    )


@require_safe
@member_only
def statement(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """Show a page of the ledger's lines on the organisation's money."""
    listed = activity_page(organisation_id=organisation.id, show="money", before=request.GET.get("before"))
    context = {"activity": listed, "is_later": "before" in request.GET}
    return page(request, "web/statement.html", organisation, _of("statement") | context)


@require_safe
@member_only
def by_card(request: HttpRequest, organisation: Organisation, kind: str) -> HttpResponse:
    """Show a page of all deposits or refunds."""
    if kind not in LISTS:
        raise CuxError(Code.NOT_FOUND)
    title, prefix, read = LISTS[kind]
    before = _place(prefix, request.GET.get("before"))
    rows = read(organisation_id=organisation.id, limit=PAGE + 1, before=before)
    context = {
        "kind": kind,
        "title": title,
        "rows": rows[:PAGE],
        "older": getattr(rows[PAGE - 1], f"{prefix}_id") if rows[PAGE:] else None,
        "is_later": before is not None,
    }
    return page(request, "web/by_card.html", organisation, _of("overview") | context)


def _of(tab: str) -> dict[str, object]:
    return {"nav": "wallet", "tab": tab}


def _place(kind: str, text: str | None) -> uuid.UUID | None:
    known = parse_public_id(kind, text) if text is not None else None
    if text is not None and known is None:
        raise CuxError(Code.NOT_FOUND)
    return known
