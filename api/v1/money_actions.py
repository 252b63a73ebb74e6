"""What operators do with money by hand: one proposes, another approves within a day."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanOperate, caller
from api.openapi import page_of, ref
from api.v1.account import CURSOR, LIMIT
from api.v1.bodies import KEY, asked
from api.v1.pages import before_of, limit_of, page, refuse_unknown
from api.v1.verdicts import key_of
from billing.selectors.money_actions import money_action_list
from billing.services.money_action import money_action_approve, money_action_propose
from core.clock import utc_now
from core.ids import parse_public_id, public_id
from cux.wire.oversight import MoneyActionView, NewMoneyAction


@extend_schema(
    methods=["GET"],
    operation_id="operator_money_actions_list",
    tags=["operators"],
    parameters=[LIMIT, CURSOR],
    responses={200: page_of(MoneyActionView)},
)
@extend_schema(
    methods=["POST"],
    operation_id="operator_money_action_propose",
    tags=["operators"],
    description="Propose a credit, a top-up of the insurance fund, a write-off of dispute debt, the release "
    "of a hold or a blocked payout, or to book a payout that a restore lost. Nothing moves until another "
    "operator approves it, within 24 hours. Needs the scope `operate`.",
    parameters=[KEY],
    request={"application/json": ref(NewMoneyAction)},
    responses={201: ref(MoneyActionView)},
)
@api_view(["GET", "POST"])
@permission_classes([CanOperate])
def money_actions(request: Request) -> Response:
    """List what operators proposed to do with money, newest first. Needs the scope `operate`."""
    now = utc_now()
    if request.method == "POST":
        made = money_action_propose(
            asked=asked(request, NewMoneyAction),
            proposed_by=public_id("key", caller(request).key_id),
            operators_id=caller(request).organisation_id,
            key=key_of(request),
            now=now,
        )
        return Response(made, status=201)
    refuse_unknown(request, "limit", "cursor")
    limit, before = limit_of(request), before_of(request, "money_action")
    return Response(
        page(money_action_list(limit=limit + 1, now=now, before=before), limit, "money_action_id")
    )


@extend_schema(
    operation_id="operator_money_action_approve",
    tags=["operators"],
    request=None,
    responses={200: ref(MoneyActionView)},
)
@api_view(["POST"])
@permission_classes([CanOperate])
def approval(request: Request, money_action_id: str) -> Response:
    """Do what another operator proposed; done before, it answers what was done."""
    refuse_unknown(request)
    done = money_action_approve(
        action_id=parse_public_id("money_action", money_action_id),
        approved_by=public_id("key", caller(request).key_id),
        now=utc_now(),
    )
    return Response(done)
