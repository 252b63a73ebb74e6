"""What operators of the exchange may do. A key of the house with the scope `operate` is needed."""

from typing import Literal

from cux.client.call import Call, get, segment, write
from cux.client.views import Page
from cux.wire.abuse import (
    AbuseDecision,
    AbuseState,
    BanReach,
    BanView,
    NewBan,
    OperatorAbuseReportView,
)
from cux.wire.operators import (
    AccountRules,
    AccountRulesView,
    BustRequest,
    BustView,
    ChangePhase,
    FeeTierRules,
    FeeTierView,
    FindingView,
    KilledView,
    KillInstrument,
    NewAuction,
    PhaseView,
    StartedAuction,
    StartedKind,
)
from cux.wire.orders import Phase
from cux.wire.oversight import AuditView, Bearer, MoneyActionKind, MoneyActionView, NewMoneyAction


def instrument_kill(instrument: str, *, idempotency_key: str | None = None) -> Call[KilledView]:
    """Stop an instrument: cancel every open order on it and halt it."""
    body = KillInstrument(instrument=instrument)
    return write("POST", "/v1/operator/kill", KilledView, body=body, idempotency_key=idempotency_key)


def phase_set(instrument: str, phase: Phase, *, idempotency_key: str | None = None) -> Call[PhaseView]:
    """Change the trading phase of an instrument; a crossed book cannot go to `continuous`."""
    body = ChangePhase(instrument=instrument, phase=phase)
    return write("POST", "/v1/operator/phases", PhaseView, body=body, idempotency_key=idempotency_key)


def account_set(
    organisation_id: str,
    *,
    is_blocked: bool,
    reason: str = "",
    fee_tier: str = "",
    max_open_orders: int | None = None,
    max_notional_nano_usd: int | None = None,
    idempotency_key: str | None = None,
) -> Call[AccountRulesView]:
    """Set what an account may do, all of it anew. Blocking it cancels its open orders."""
    body = AccountRules(
        is_blocked=is_blocked,
        reason=reason,
        fee_tier=fee_tier,
        max_open_orders=max_open_orders,
        max_notional_nano_usd=max_notional_nano_usd,
    )
    path = f"/v1/operator/accounts/{segment(organisation_id)}"
    return write("PUT", path, AccountRulesView, body=body, idempotency_key=idempotency_key)


def fee_tier_set(
    instrument: str,
    tier: str,
    *,
    maker_fee_ppm: int,
    taker_fee_ppm: int,
    idempotency_key: str | None = None,
) -> Call[FeeTierView]:
    """Set the fees of a tier on an instrument, for orders placed from now on."""
    body = FeeTierRules(
        instrument=instrument, tier=tier, maker_fee_ppm=maker_fee_ppm, taker_fee_ppm=taker_fee_ppm
    )
    return write("PUT", "/v1/operator/fee-tiers", FeeTierView, body=body, idempotency_key=idempotency_key)


def auction_start(
    instrument: str,
    kind: StartedKind,
    *,
    then_phase: Phase,
    input_s: int = 60,
    no_cancel_s: int = 20,
    random_close_s: int = 10,
    idempotency_key: str | None = None,
) -> Call[StartedAuction]:
    """Hold a call auction now: to open, reopen or close an instrument, or one more as by schedule."""
    body = NewAuction(
        instrument=instrument,
        kind=kind,
        input_s=input_s,
        no_cancel_s=no_cancel_s,
        random_close_s=random_close_s,
        then_phase=then_phase,
    )
    path = "/v1/operator/auctions"
    return write("POST", path, StartedAuction, body=body, idempotency_key=idempotency_key)


def bust_list() -> Call[Page[BustView]]:
    """Return the latest 200 busts, asked for or done, newest first."""
    return get("/v1/operator/busts", Page[BustView])


def bust_request(trade_id: str, reason: str) -> Call[BustView]:
    """Ask for a trade to be undone; another operator has to approve it."""
    body = BustRequest(trade_id=trade_id, reason=reason)
    return write("POST", "/v1/operator/busts", BustView, body=body, idempotency_key=None)


def bust_approve(trade_id: str) -> Call[BustView]:
    """Undo a trade for which another operator asked."""
    path = f"/v1/operator/busts/{segment(trade_id)}/approve"
    return write("POST", path, BustView, idempotency_key=None)


def surveillance(*, start: str | None = None, end: str | None = None) -> Call[Page[FindingView]]:
    """Return the conduct of a period (RFC 3339; the last day if absent) that somebody should look at."""
    return get("/v1/operator/surveillance", Page[FindingView], start=start, end=end)


def audit_list(*, action: str | None = None, page_size: int = 50) -> Call[Page[AuditView]]:
    """Iterate over who did what that matters, newest first; pages are fetched as they are needed."""
    return get("/v1/operator/audit", Page[AuditView], action=action, limit=page_size)


def money_action_list(*, page_size: int = 50) -> Call[Page[MoneyActionView]]:
    """Iterate over what operators proposed to do with money, newest first; pages are fetched as needed."""
    return get("/v1/operator/money-actions", Page[MoneyActionView], limit=page_size)


def money_action_propose(
    kind: MoneyActionKind,
    reason: str,
    *,
    organisation_id: str | None = None,
    amount_nano_usd: int | None = None,
    source: Bearer | None = None,
    hold_id: str | None = None,
    payout_id: str | None = None,
    transfer_id: str | None = None,
    idempotency_key: str | None = None,
) -> Call[MoneyActionView]:
    """Propose something to do with money; another operator has to approve it within 24 hours."""
    body = NewMoneyAction(
        kind=kind,
        reason=reason,
        organisation_id=organisation_id,
        amount_nano_usd=amount_nano_usd,
        source=source,
        hold_id=hold_id,
        payout_id=payout_id,
        transfer_id=transfer_id,
    )
    path = "/v1/operator/money-actions"
    return write("POST", path, MoneyActionView, body=body, idempotency_key=idempotency_key)


def money_action_approve(money_action_id: str) -> Call[MoneyActionView]:
    """Do what another operator proposed."""
    path = f"/v1/operator/money-actions/{segment(money_action_id)}/approve"
    return write("POST", path, MoneyActionView, idempotency_key=None)


def operator_abuse_report_list(*, state: AbuseState = "open") -> Call[Page[OperatorAbuseReportView]]:
    """Return the latest 200 reports of abuse in a state, newest first."""
    return get("/v1/operator/abuse-reports", Page[OperatorAbuseReportView], state=state)


def abuse_report_decide(
    abuse_report_id: str, state: Literal["dismissed", "upheld"], note: str
) -> Call[OperatorAbuseReportView]:
    """Dismiss or uphold a report; a ban is a step of its own."""
    path = f"/v1/operator/abuse-reports/{segment(abuse_report_id)}/decide"
    body = AbuseDecision(state=state, note=note)
    return write("POST", path, OperatorAbuseReportView, body=body, idempotency_key=None)


def ban_list() -> Call[Page[BanView]]:
    """Return the latest 200 bans, those lifted too, newest first."""
    return get("/v1/operator/bans", Page[BanView])


def ban_create(organisation_id: str, reach: BanReach, reason: str) -> Call[BanView]:
    """Shut an organisation out of everything, or of providing; banned already, it stays so."""
    body = NewBan(organisation_id=organisation_id, reach=reach, reason=reason)
    return write("POST", "/v1/operator/bans", BanView, body=body, idempotency_key=None)


def ban_lift(ban_id: str) -> Call[BanView]:
    """Let an organisation in again."""
    path = f"/v1/operator/bans/{segment(ban_id)}/lift"
    return write("POST", path, BanView, idempotency_key=None)
