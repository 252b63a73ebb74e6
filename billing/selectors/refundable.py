"""What of an organisation's money can go back to its cards."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q, Sum

from billing.ledger.chart import Kind, of_organisation
from billing.models import CardLot, Deposit, Refund
from billing.rules.refunds import Refundable, RefundPart, refund_parts
from billing.selectors.balances import available
from core.errors import Code, CuxError
from core.money import format_usd

_LIVE = ~Q(state__in=[Refund.State.FAILED, Refund.State.RETURNED])


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """What a refund would be made of; `most_nano_usd` is the most that could be refunded now."""

    most_nano_usd: int
    parts: list[RefundPart[Deposit]]

    @property
    def amount_nano_usd(self) -> int:
        """Return what leaves the balance."""
        return sum(part.amount for part in self.parts)


def refund_plan(
    *, organisation_id: uuid.UUID, amount_nano_usd: int | None, deposits: Sequence[Deposit] | None = None
) -> RefundPlan:
    """Return how `amount_nano_usd`, or all that is unspent, would be refunded; the newest deposits first.

    What is held for orders is not unspent, and money that came by no card does not go to one.
    Of these `deposits`, if they are given, else of all that were paid.

    Raises:
        CuxError: INSUFFICIENT_BALANCE, less can be spent; NOTHING_TO_REFUND, less of it came by card.
    """
    unspent = _unspent(organisation_id)
    paid = deposits_paid(organisation_id) if deposits is None else deposits
    refundable = _refundable(organisation_id, paid)
    most = sum(part.amount for part in refund_parts(refundable, unspent))
    wanted = most if amount_nano_usd is None else amount_nano_usd
    if wanted > unspent:
        raise CuxError(Code.INSUFFICIENT_BALANCE)
    parts = refund_parts(refundable, wanted)
    if not parts or sum(part.amount for part in parts) != wanted:
        said = f"Of what was paid in by card, {format_usd(most)} can be refunded now."
        raise CuxError(Code.NOTHING_TO_REFUND, said)
    return RefundPlan(most, parts)


def deposits_paid(organisation_id: uuid.UUID, *, lock: bool = False) -> list[Deposit]:
    """Return the deposits that were paid; with `lock` they stay as they are until the transaction ends."""
    paid = Deposit.objects.filter(organisation_id=organisation_id, state=Deposit.State.SUCCEEDED)
    return list(paid.order_by("id").select_for_update(no_key=True) if lock else paid)


def _unspent(organisation_id: uuid.UUID) -> int:
    """Return what can be taken from the wallet, less what earlier refunds are about to take."""
    pulling = Refund.objects.filter(organisation_id=organisation_id, state=Refund.State.PULLING)
    asked: int = pulling.aggregate(total=Sum("amount_nano_usd"))["total"] or 0
    return max(0, available(of_organisation(Kind.WALLET, organisation_id)) - asked)


def _refundable(organisation_id: uuid.UUID, deposits: Sequence[Deposit]) -> list[Refundable[Deposit]]:
    rows = sorted(deposits, key=lambda row: (row.finished_at, row.id), reverse=True)
    unspent_of = _unspent_of([row.payment_intent_id for row in rows], organisation_id)
    totals = _totals([row.id for row in rows])
    return [
        Refundable(
            key=row,
            amount=row.amount_nano_usd,
            tax=row.tax_nano_usd,
            fee=row.stripe_fee_nano_usd,
            refunded=row.refunded_nano_usd,
            refunded_tax=totals.get(row.id, (0, 0))[0],
            refunded_fee=totals.get(row.id, (0, 0))[1],
            left=max(0, min(row.left_nano_usd, unspent_of.get(row.payment_intent_id, 0))),
        )
        for row in rows
    ]


def _unspent_of(payment_ids: Iterable[str | None], organisation_id: uuid.UUID) -> dict[str | None, int]:
    """Return what of each payment is not spent, and not asked back by refunds that are under way."""
    lots = CardLot.objects.filter(organisation_id=organisation_id, payment_intent_id__in=list(payment_ids))
    under_way = Refund.objects.filter(organisation_id=organisation_id, state__in=Refund.UNFINISHED)
    asked = under_way.values_list("deposit__payment_intent_id").annotate(total=Sum("amount_nano_usd"))
    going = dict(asked.order_by())
    return {
        lot.payment_intent_id: lot.remaining_nano_usd - going.get(lot.payment_intent_id, 0) for lot in lots
    }


def _totals(deposit_ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    """Return the tax and the fee that refunds of each deposit have returned and kept."""
    live = Refund.objects.filter(_LIVE, deposit_id__in=deposit_ids).values("deposit_id").order_by()
    rows = live.annotate(tax=Sum("tax_nano_usd"), fee=Sum("fee_nano_usd"))
    return {row["deposit_id"]: (row["tax"], row["fee"]) for row in rows}


def refunded_tax(deposit_id: uuid.UUID) -> int:
    """Return the tax that refunds of a deposit have returned, or are about to."""
    return _totals([deposit_id]).get(deposit_id, (0, 0))[0]
