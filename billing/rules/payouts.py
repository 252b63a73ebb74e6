"""How much is paid out, and what makes it wait for two operators. Pure, in nano-USD."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.money import NANO_PER_CENT, PPM


class BlockReason(Enum):
    """Why a payout waits. The value is what is stored."""

    SAME_ORGANISATION = "same_organisation"
    SAME_CARD = "same_card"
    SAME_BANK = "same_bank"
    SAME_ADDRESS = "same_address"
    PASS_THROUGH = "pass_through"  # noqa: S105 - no password


@dataclass(frozen=True, slots=True)
class PassThrough:
    """Card money that organisations paid in lately, and how much of it went to the one provider."""

    deposited: int
    to_provider: int


@dataclass(frozen=True, slots=True)
class PayoutFacts:
    """What links a provider with those whose card money it earned, and how fast that money came through."""

    same_organisation: bool
    same_card: bool
    same_bank: bool
    same_address: bool
    pass_through: PassThrough


def whole_cents(amount: int) -> int:
    """Return what of an amount can be sent; what a cent cannot hold stays payable."""
    return amount - amount % NANO_PER_CENT


def payable(*, available: int, day_max: int, paid_in_a_day: int, wanted: int | None) -> int:
    """Return what can be paid out of what is available: whole cents, within the limit of 24 hours.

    `wanted` is what was asked for; None: all of it.
    """
    most = min(available, max(0, day_max - paid_in_a_day))
    return whole_cents(max(0, most if wanted is None else min(most, wanted)))


def is_pass_through(flow: PassThrough, *, from_nano_usd: int, share_ppm: int) -> bool:
    """Tell whether much of what was paid in lately, in amount and in share, went to one provider."""
    return flow.to_provider >= from_nano_usd and flow.to_provider * PPM >= flow.deposited * share_ppm


_LINKS: Final[dict[BlockReason, Callable[[PayoutFacts], bool]]] = {
    BlockReason.SAME_ORGANISATION: lambda facts: facts.same_organisation,
    BlockReason.SAME_CARD: lambda facts: facts.same_card,
    BlockReason.SAME_BANK: lambda facts: facts.same_bank,
    BlockReason.SAME_ADDRESS: lambda facts: facts.same_address,
}


def block_reason(facts: PayoutFacts, *, from_nano_usd: int, share_ppm: int) -> BlockReason | None:
    """Return the first reason why a payout has to wait; None: it may go."""
    for reason, holds in _LINKS.items():
        if holds(facts):
            return reason
    if is_pass_through(facts.pass_through, from_nano_usd=from_nano_usd, share_ppm=share_ppm):
        return BlockReason.PASS_THROUGH
    return None
