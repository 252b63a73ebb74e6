"""What the organisation's jobs may cost in a day or a month: listed with `read`, changed with `trade`."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanTrade, ReadsOrTrades, caller
from api.openapi import list_of, ref
from api.v1.bodies import asked
from api.v1.pages import refuse_unknown
from billing.selectors.budgets import BudgetFigures, budget_figures, budget_list
from billing.services.budget_set import budget_end, budget_set
from core.clock import rfc3339, utc_now
from core.errors import Code, CuxError
from core.ids import parse_public_id, public_id
from cux.wire.documents import BudgetView, NewBudget


@extend_schema(
    methods=["GET"], operation_id="budgets_list", tags=["billing"], responses={200: list_of(BudgetView)}
)
@extend_schema(
    methods=["PUT"],
    operation_id="budget_set",
    tags=["billing"],
    description="Set the budget of the organisation, or of one of its API keys, per day or month; one that "
    "is there gets the new limit. Jobs that could exceed it are refused; orders do not count. Any repetition "
    "is harmless. Needs the scope `trade`.",
    request={"application/json": ref(NewBudget)},
    responses={200: ref(BudgetView)},
)
@api_view(["GET", "PUT"])
@permission_classes([ReadsOrTrades])
def budgets(request: Request) -> Response:
    """List the budgets with what is left of them; needs the scope `read`."""
    organisation_id, now = caller(request).organisation_id, utc_now()
    if request.method == "GET":
        refuse_unknown(request)
        return Response(
            {"data": [_view(row) for row in budget_list(organisation_id=organisation_id, now=now)]}
        )
    wanted = asked(request, NewBudget)
    key_id = parse_public_id("key", wanted.key_id) if wanted.key_id is not None else None
    if wanted.key_id is not None and key_id is None:
        raise CuxError(Code.INVALID_FIELD, "This account has no such API key.", param="key_id")
    budget = budget_set(
        organisation_id=organisation_id,
        api_key_id=key_id,
        window=wanted.window,
        limit_nano_usd=wanted.limit_nano_usd,
        now=now,
    )
    return Response(_view(budget_figures(budget, now)))


@extend_schema(operation_id="budget_end", tags=["billing"], responses={200: ref(BudgetView)})
@api_view(["DELETE"])
@permission_classes([CanTrade])
def budget(request: Request, budget_id: str) -> Response:
    """End a budget; running jobs go on. Needs the scope `trade`."""
    refuse_unknown(request)
    known = parse_public_id("budget", budget_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND, "There is no such budget.")
    now = utc_now()
    ended = budget_end(organisation_id=caller(request).organisation_id, budget_id=known, now=now)
    return Response(_view(budget_figures(ended, now)))


def _view(row: BudgetFigures) -> BudgetView:
    budget = row.budget
    return BudgetView(
        budget_id=public_id("budget", budget.id),
        window=budget.window,  # type: ignore[arg-type]
        limit_nano_usd=budget.limit_nano_usd,
        key_id=public_id("key", budget.api_key_id) if budget.api_key_id else None,
        starts_at=rfc3339(row.starts_at),
        reserved_nano_usd=row.reserved_nano_usd,
        spent_nano_usd=row.spent_nano_usd,
        left_nano_usd=row.left_nano_usd,
    )
