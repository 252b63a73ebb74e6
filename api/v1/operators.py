"""What operators of the exchange may do. A key of the house with the scope `operate` is needed."""

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import CanOperate
from api.openapi import ref
from api.v1.bodies import KEY, asked
from api.v1.verdicts import key_of, verdict_response
from core.errors import Code, CuxError
from core.ids import parse_public_id
from cux.wire.operators import (
    AccountRules,
    AccountRulesView,
    ChangePhase,
    FeeTierRules,
    FeeTierView,
    KilledView,
    KillInstrument,
    NewAuction,
    PhaseView,
    StartedAuction,
)
from exchange.sequencer.auctions import Periods
from exchange.services.operators import account_set, auction_start, fee_tier_set, instrument_kill, phase_set


@extend_schema(
    operation_id="operator_kill",
    tags=["operators"],
    parameters=[KEY],
    request={"application/json": ref(KillInstrument)},
    responses={200: ref(KilledView)},
)
@api_view(["POST"])
@permission_classes([CanOperate])
def kill(request: Request) -> Response:
    """Stop an instrument: cancel every open order on it and halt it."""
    wanted = asked(request, KillInstrument)
    return verdict_response(instrument_kill(instrument=wanted.instrument, key=key_of(request)))


@extend_schema(
    operation_id="operator_phase_set",
    tags=["operators"],
    parameters=[KEY],
    request={"application/json": ref(ChangePhase)},
    responses={200: ref(PhaseView)},
)
@api_view(["POST"])
@permission_classes([CanOperate])
def phase(request: Request) -> Response:
    """Change the trading phase of an instrument; a crossed book cannot go to `continuous`."""
    wanted = asked(request, ChangePhase)
    return verdict_response(phase_set(instrument=wanted.instrument, phase=wanted.phase, key=key_of(request)))


@extend_schema(
    operation_id="operator_auction_start",
    tags=["operators"],
    parameters=[KEY],
    request={"application/json": ref(NewAuction)},
    responses={200: ref(StartedAuction)},
)
@api_view(["POST"])
@permission_classes([CanOperate])
def auction(request: Request) -> Response:
    """Hold a call auction now: to open, reopen or close an instrument, or one more as by schedule."""
    wanted = asked(request, NewAuction)
    verdict = auction_start(
        instrument=wanted.instrument,
        kind=wanted.kind,
        periods=Periods(wanted.input_s, wanted.no_cancel_s, wanted.random_close_s),
        then_phase=wanted.then_phase,
        key=key_of(request),
    )
    return verdict_response(verdict)


@extend_schema(
    operation_id="operator_account_set",
    tags=["operators"],
    parameters=[KEY],
    request={"application/json": ref(AccountRules)},
    responses={200: ref(AccountRulesView)},
)
@api_view(["PUT"])
@permission_classes([CanOperate])
def account(request: Request, organisation_id: str) -> Response:
    """Set what an account may do, all of it anew. Blocking it cancels its open orders."""
    wanted = asked(request, AccountRules)
    known = parse_public_id("organisation", organisation_id)
    if known is None:
        raise CuxError(Code.NOT_FOUND, "There is no such organisation.")
    verdict = account_set(
        organisation_id=known,
        is_blocked=wanted.is_blocked,
        reason=wanted.reason,
        fee_tier=wanted.fee_tier,
        max_open_orders=wanted.max_open_orders,
        max_notional_nano_usd=wanted.max_notional_nano_usd,
        key=key_of(request),
    )
    return verdict_response(verdict)


@extend_schema(
    operation_id="operator_fee_tier_set",
    tags=["operators"],
    parameters=[KEY],
    request={"application/json": ref(FeeTierRules)},
    responses={200: ref(FeeTierView)},
)
@api_view(["PUT"])
@permission_classes([CanOperate])
def fee_tier(request: Request) -> Response:
    """Set the fees of a tier on an instrument, for orders placed from now on."""
    wanted = asked(request, FeeTierRules)
    verdict = fee_tier_set(
        instrument=wanted.instrument,
        tier=wanted.tier,
        maker_fee_ppm=wanted.maker_fee_ppm,
        taker_fee_ppm=wanted.taker_fee_ppm,
        key=key_of(request),
    )
    return verdict_response(verdict)
