"""What a dispute does to the books: whose money goes to the bank, and to whom it comes back."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Sum

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import HoldStep, JournalEntry, Leg
from billing.models import CardSpend, Deposit, Dispute, DisputeTaking
from billing.rules.disputes import Sources, Takings, give_back, take, tax_share
from billing.selectors.balances import balances
from billing.selectors.debts import debt_of
from billing.selectors.disputed import money_kept
from billing.services.card_lots import lot_restore, lot_return, lots_at_risk_until
from billing.services.card_origins import origins_settle
from billing.services.ledger_post import ledger_post
from billing.services.wallet_move import send_to_wallet
from core.outbox import outbox_add

Source = DisputeTaking.Source
_CLEARING = of_house(Kind.STRIPE_CLEARING)
_ORDER = (Source.DEBT, Source.FUNDING, Source.EARNINGS, Source.HOLD_BACK, Source.TAX)
"""In which money that comes back is given back: the debt first."""


def dispute_take(*, dispute: Dispute, deposit_id: uuid.UUID, amount: int, fee: int, now: datetime) -> None:
    """This function will book the `amount` (nano-USD) that the bank took, and Stripe's fee for it.

    One entry `dispute:<id at Stripe>`. What the wallet has is asked for through the outbox; the payer's lot
    of this payment goes down by it. What is in escrow stays card money at risk: where it reaches a provider
    it is set aside, and taken (`debt_capture`). The caller holds the dispute's row and saves it.
    """
    deposit = Deposit.objects.select_for_update(no_key=True).get(id=deposit_id)
    payer_id, payment_id = dispute.organisation_id, dispute.payment_intent_id
    tax = _tax_in(deposit, dispute, amount)
    origins_settle(organisation_ids=[payer_id])
    lots_at_risk_until(payment_intent_id=payment_id, until=now + timedelta(seconds=settings.NEW_CARD_RISK_S))
    accounts = [of_organisation(kind, payer_id) for kind in (Kind.FUNDING, Kind.WALLET)]
    funding, wallet = (balances(accounts)[account].available for account in accounts)
    earnings, held_back = money_kept(payment_intent_id=payment_id)
    sources = Sources(funding=funding, wallet=wallet, earnings=earnings, held_back=held_back)
    taken = take(amount, sources, tax=tax)
    of_payer = min(amount - tax, funding + wallet)
    dispute.lot_returned_nano_usd = lot_return(
        organisation_id=payer_id, payment_intent_id=payment_id, amount_nano_usd=of_payer
    )
    _post_taking(dispute, taken, fee, now)
    _note(dispute, taken)
    dispute.withdrawn_nano_usd, dispute.fee_nano_usd = amount, fee
    dispute.of_deposit_nano_usd = min(amount - tax, deposit.left_nano_usd)
    Deposit.objects.filter(id=deposit.id).update(
        disputed_nano_usd=F("disputed_nano_usd") + dispute.of_deposit_nano_usd
    )
    outbox_add(topic="debt.pull", payload={"organisation_id": str(payer_id)})


def dispute_give_back(
    *, dispute: Dispute, deposit_id: uuid.UUID, amount: int, fee: int, now: datetime
) -> None:
    """This function will book the `amount` that came back (and the `fee`, where Stripe returns it).

    It is the inverse of what was taken: to the debt first, as far as that is still open, and what of the
    debt was repaid meanwhile to the payer's funding; then to funding, to each provider, and to tax. One
    entry `dispute_won:<id at Stripe>`. The caller holds the dispute's row and saves it.
    """
    Deposit.objects.select_for_update(no_key=True).get(id=deposit_id)
    payer_id = dispute.organisation_id
    rows = sorted(dispute.takings.order_by("id"), key=lambda row: _ORDER.index(Source(row.source)))
    parts = give_back(amount, [row.amount_nano_usd for row in rows])
    lot_restore(
        organisation_id=payer_id,
        payment_intent_id=dispute.payment_intent_id,
        amount_nano_usd=dispute.lot_returned_nano_usd,
    )
    open_debt = max(0, debt_of(payer_id))
    of_debt = fee + sum(part for row, part in zip(rows, parts, strict=True) if row.source == Source.DEBT)
    repaid = min(of_debt, open_debt)
    to_funding = of_debt - repaid
    legs = [(of_organisation(Kind.DISPUTE_DEBT, payer_id), repaid)]
    for row, part in zip(rows, parts, strict=True):
        if row.source == Source.FUNDING:
            to_funding += part
        elif row.source != Source.DEBT:
            legs.append((_account_of(row), part))
        DisputeTaking.objects.filter(id=row.id).update(given_back_nano_usd=part)
        if row.spend_id is not None:
            CardSpend.objects.filter(id=row.spend_id).update(taken_nano_usd=F("taken_nano_usd") - part)
    legs.append((of_organisation(Kind.FUNDING, payer_id), to_funding))
    entry = JournalEntry(
        f"dispute_won:{dispute.stripe_dispute_id}",
        "dispute_won",
        tuple(Leg(_CLEARING, account, part) for account, part in legs if part),
        now,
        ref=f"dispute:{dispute.id}",
    )
    ledger_post(entries=[entry], now=now)
    if to_funding:
        key = f"dispute won {dispute.id}"
        send_to_wallet(organisation_id=payer_id, amount_nano_usd=to_funding, key=key, now=now)
    dispute.reinstated_nano_usd, dispute.fee_returned_nano_usd = amount, fee
    back = min(amount, dispute.of_deposit_nano_usd)
    Deposit.objects.filter(id=deposit_id).update(disputed_nano_usd=F("disputed_nano_usd") - back)
    dispute.of_deposit_nano_usd -= back
    dispute.lot_returned_nano_usd = 0


def _tax_in(deposit: Deposit, dispute: Dispute, amount: int) -> int:
    """Return how much of a disputed amount was tax."""
    refunds = deposit.refunds.exclude(state__in=["failed", "returned"])
    refunded = refunds.aggregate(tax=Sum("tax_nano_usd"), net=Sum("amount_nano_usd"))
    others = DisputeTaking.objects.filter(
        dispute__payment_intent_id=dispute.payment_intent_id, source=Source.TAX
    ).aggregate(tax=Sum(F("amount_nano_usd") - F("given_back_nano_usd")))
    tax_gone = (refunded["tax"] or 0) + (others["tax"] or 0)
    return tax_share(
        amount,
        gross=deposit.amount_nano_usd + deposit.tax_nano_usd,
        tax=deposit.tax_nano_usd,
        tax_gone=tax_gone,
        gross_gone=(refunded["net"] or 0) + deposit.disputed_nano_usd + tax_gone,
    )


def _post_taking(dispute: Dispute, taken: Takings, fee: int, now: datetime) -> None:
    payer_id = dispute.organisation_id
    debt = of_organisation(Kind.DISPUTE_DEBT, payer_id)
    legs: list[tuple[AccountRef, int]] = [
        (of_house(Kind.TAX), taken.tax),
        (of_organisation(Kind.FUNDING, payer_id), taken.funding),
        *((of_organisation(Kind.EARNINGS, kept.provider_id), kept.amount) for kept in taken.earnings),
        *((of_organisation(Kind.HOLD_BACK, kept.provider_id), kept.amount) for kept in taken.held_back),
        (debt, taken.debt),
        (debt, fee),
    ]
    entry = JournalEntry(
        f"dispute:{dispute.stripe_dispute_id}",
        "dispute",
        tuple(Leg(account, _CLEARING, part) for account, part in legs if part),
        now,
        ref=f"dispute:{dispute.id}",
    )
    steps = [HoldStep(kept.id, capture=kept.amount) for kept in taken.earnings]
    ledger_post(entries=[entry], steps=steps, now=now)


def _note(dispute: Dispute, taken: Takings) -> None:
    """Keep what was taken from whom, so that the very same is given back."""
    rows = _payer_rows(dispute, taken)
    by_provider: dict[uuid.UUID, int] = {}
    for kept in taken.earnings:
        by_provider[kept.provider_id] = by_provider.get(kept.provider_id, 0) + kept.amount
    for provider_id, part in by_provider.items():
        rows.append(_taking(dispute, Source.EARNINGS, provider_id, part))
    for kept in taken.held_back:
        rows.append(_taking(dispute, Source.HOLD_BACK, kept.provider_id, kept.amount, kept.id))
        CardSpend.objects.filter(id=kept.id).update(taken_nano_usd=F("taken_nano_usd") + kept.amount)
    DisputeTaking.objects.bulk_create(rows)


def _payer_rows(dispute: Dispute, taken: Takings) -> list[DisputeTaking]:
    payer_id = dispute.organisation_id
    parts: Sequence[tuple[Source, uuid.UUID | None, int]] = (
        (Source.TAX, None, taken.tax),
        (Source.FUNDING, payer_id, taken.funding),
        (Source.DEBT, payer_id, taken.debt),
    )
    return [_taking(dispute, source, who, part) for source, who, part in parts if part]


def _taking(
    dispute: Dispute, source: Source, who: uuid.UUID | None, amount: int, spend_id: uuid.UUID | None = None
) -> DisputeTaking:
    return DisputeTaking(
        dispute=dispute, source=source, organisation_id=who, spend_id=spend_id, amount_nano_usd=amount
    )


def _account_of(row: DisputeTaking) -> AccountRef:
    if row.organisation_id is None:
        return of_house(Kind.TAX)
    kind = Kind.EARNINGS if row.source == Source.EARNINGS else Kind.HOLD_BACK
    return of_organisation(kind, row.organisation_id)
