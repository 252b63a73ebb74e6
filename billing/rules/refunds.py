"""Which deposits a refund is made of, and what comes back of each. Pure.

The newest deposits come first: of them most is unspent, and banks take refunds of old payments back least
willingly. Stripe keeps its fee on a payment when it is refunded, so whoever asks for the money back bears
its share; the tax on it is returned. Shares are ⌊total · refunded ÷ paid⌋ of all that is refunded so far,
less what earlier refunds had: together they are never more than the total, and all of it in the end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.money import NANO_PER_CENT, mul_div_floor

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Refundable(Generic[K]):
    """A deposit as a refund sees it, nano-USD: what was paid, and what earlier refunds have of it.

    `left` may still be refunded.
    """

    key: K
    amount: int
    tax: int
    fee: int
    refunded: int
    refunded_tax: int
    refunded_fee: int
    left: int


@dataclass(frozen=True, slots=True)
class RefundPart(Generic[K]):
    """What leaves the balance on account of one deposit, and what of it reaches the card."""

    key: K
    amount: int
    fee: int
    tax: int

    @property
    def card(self) -> int:
        """Return what reaches the card."""
        return self.amount - self.fee + self.tax


def refund_parts(deposits: Iterable[Refundable[K]], wanted: int) -> list[RefundPart[K]]:
    """Return what each deposit, in this order, gives towards `wanted`, in whole cents.

    Together it may be less than wanted. A part of which nothing would reach the card is left out.
    """
    parts = []
    for deposit in deposits:
        amount = min(deposit.left, wanted) // NANO_PER_CENT * NANO_PER_CENT
        part = _part(deposit, amount)
        if amount > 0 and part.card > 0:
            parts.append(part)
            wanted -= amount
    return parts


def _part(deposit: Refundable[K], amount: int) -> RefundPart[K]:
    after = deposit.refunded + amount
    fee = _share(deposit.fee, after, deposit.amount) - deposit.refunded_fee
    tax = _share(deposit.tax, after, deposit.amount) - deposit.refunded_tax
    return RefundPart(deposit.key, amount, fee=max(0, fee), tax=max(0, tax))


def _share(total: int, refunded: int, amount: int) -> int:
    """Return the whole cents of `total` that go with `refunded` of `amount`."""
    return mul_div_floor(total // NANO_PER_CENT, refunded, amount) * NANO_PER_CENT
