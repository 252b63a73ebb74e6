"""What a provider got for answers that were not what was sold goes back to those who paid for them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.rules.recovery import shared
from billing.selectors.balances import balances
from billing.services.card_lots import LotReturn, lots_come_back
from billing.services.document_issue import Line, Reason, service_credit_issue
from billing.services.ledger_post import ledger_post
from billing.services.wallet_move import send_to_wallet
from core.money import format_usd


@dataclass(frozen=True, slots=True)
class Claim:
    """What one buyer was charged, in nano-USD, what for, and whose money it was (`payer_ids`)."""

    organisation_id: uuid.UUID
    amount_nano_usd: int
    what: str
    payer_ids: tuple[uuid.UUID, ...]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was taken of a provider's hold-back and earnings, and credited to buyers, in nano-USD."""

    hold_back_nano_usd: int
    earnings_nano_usd: int
    credited_nano_usd: int


def claw_back(*, provider_id: uuid.UUID, claims: Sequence[Claim], key: str, now: datetime) -> Recovered:
    """This function will take back from a provider what buyers were charged, and credit it to them.

    From its hold-back, then from what is free of its earnings, then from insurance up to
    CLAW_BACK_INSURANCE_MAX_NANO_USD: whoever fails on purpose has a friend who bought, so the house adds
    little, and its income nothing. No more is credited than is found, shared by what each was charged.
    What of it was card money is card money again. All hold-back is taken: what the credits leave of it goes
    to insurance; it is what a cheat has to lose. In the caller's transaction.

    Raises:
        CuxError: INSUFFICIENT_BALANCE, somebody took of these accounts at the same moment;
            IDEMPOTENCY_KEY_REUSED, `key` has been used for other amounts. Nothing moved.
    """
    left = _found(provider_id)
    hold_back, earnings, insurance = left
    before = dict(left)
    parts = shared(sum(left.values()), [claim.amount_nano_usd for claim in claims])
    lots_come_back(
        provider_id=provider_id,
        returns=[
            LotReturn(claim.payer_ids, claim.organisation_id, part)
            for claim, part in zip(claims, parts, strict=True)
        ],
    )
    for claim, part in zip(claims, parts, strict=True):
        if part:
            _credit(claim, part, left, key, now)
    if left[hold_back]:
        legs = (Leg(hold_back, insurance, left[hold_back]),)
        entry = JournalEntry(f"claw_back:{key}", "claw_back", legs, now, ref=str(provider_id))
        ledger_post(entries=[entry], now=now)
    return Recovered(before[hold_back], before[earnings] - left[earnings], sum(parts))


def claw_back_return(*, provider_id: uuid.UUID, recovered: Recovered, key: str, now: datetime) -> None:
    """This function will give back what was taken: from insurance, and what it lacks from the house's income.

    Raises:
        CuxError: INSUFFICIENT_BALANCE, somebody took of insurance at the same moment; nothing moved.
    """
    insurance = of_house(Kind.INSURANCE)
    left = {insurance: balances([insurance])[insurance].available}
    legs = []
    for kind, amount in (
        (Kind.HOLD_BACK, recovered.hold_back_nano_usd),
        (Kind.EARNINGS, recovered.earnings_nano_usd),
    ):
        account = of_organisation(kind, provider_id)
        of_insurance = _legs(account, amount, left)
        rest = amount - sum(leg.amount for leg in of_insurance)
        legs += [*of_insurance, *([Leg(of_house(Kind.FEE_INCOME), account, rest)] if rest else [])]
    if legs:
        entry = JournalEntry(
            f"claw_back_return:{key}", "claw_back_return", tuple(legs), now, ref=str(provider_id)
        )
        ledger_post(entries=[entry], now=now)


def _found(provider_id: uuid.UUID) -> dict[AccountRef, int]:
    """Return what can be taken of which account, in the order in which it is."""
    hold_back, earnings = (of_organisation(kind, provider_id) for kind in (Kind.HOLD_BACK, Kind.EARNINGS))
    insurance = of_house(Kind.INSURANCE)
    found = {account: one.available for account, one in balances([hold_back, earnings, insurance]).items()}
    of_insurance = min(found[insurance], settings.CLAW_BACK_INSURANCE_MAX_NANO_USD)
    return {hold_back: found[hold_back], earnings: found[earnings], insurance: of_insurance}


def _credit(claim: Claim, amount_nano_usd: int, left: dict[AccountRef, int], key: str, now: datetime) -> None:
    entry_key = f"claw_back:{key}:{claim.organisation_id.hex}"
    legs = _legs(of_organisation(Kind.FUNDING, claim.organisation_id), amount_nano_usd, left)
    entry = JournalEntry(entry_key, "verification_credit", tuple(legs), now, ref=key)
    ledger_post(entries=[entry], now=now)
    send_to_wallet(
        organisation_id=claim.organisation_id, amount_nano_usd=amount_nano_usd, key=entry_key, now=now
    )
    lacking = claim.amount_nano_usd - amount_nano_usd
    open_part = f"; {format_usd(lacking)} could not be recovered" if lacking else ""
    service_credit_issue(
        organisation_id=claim.organisation_id,
        entry_key=entry_key,
        reason=Reason.VERIFICATION,
        line=Line(
            "Answers that were not those of the model that was sold",
            amount_nano_usd,
            detail=f"{claim.what}, price and fees{open_part}",
        ),
        now=now,
    )


def _legs(to: AccountRef, amount_nano_usd: int, left: dict[AccountRef, int]) -> list[Leg]:
    """Return the legs that pay an amount from the accounts in turn (counted down), as far as it goes."""
    legs = []
    for account in left:
        part = min(amount_nano_usd, left[account])
        if part:
            legs.append(Leg(account, to, part))
            left[account] -= part
            amount_nano_usd -= part
    return legs
