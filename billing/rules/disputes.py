"""Who bears a disputed payment, and who gets it back if the dispute is won. Pure, in nano-USD.

The bank takes the money when a dispute is opened, not when it is lost. It comes, in this order, from the tax
that was paid with it, the payer's funds at hand, and what providers earned by it and have not been paid; the
rest is the payer's debt. So is what the payer's wallet has: it cannot be taken at once, and repays it soon.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from billing.ledger.card_money import first_in_first_out


@dataclass(frozen=True, slots=True)
class Kept:
    """Money of a provider's that the payment bought and that is still here: a hold on its earnings, or what
    was held back (`id` is of the hold, or of the note of what card money was held back)."""

    id: uuid.UUID
    provider_id: uuid.UUID
    amount: int


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the disputed money may come from. `wallet` is what the payer could trade with."""

    funding: int
    wallet: int
    earnings: Sequence[Kept] = ()
    held_back: Sequence[Kept] = ()


@dataclass(frozen=True, slots=True)
class Takings:
    """What is taken from whom; all of it together is what the bank took, without its fee."""

    tax: int
    funding: int
    earnings: tuple[Kept, ...]
    held_back: tuple[Kept, ...]
    debt: int

    @property
    def total(self) -> int:
        """Return the sum."""
        of_providers = sum(kept.amount for kept in (*self.earnings, *self.held_back))
        return self.tax + self.funding + of_providers + self.debt


@dataclass(frozen=True, slots=True)
class Claim:
    """What an organisation came to owe at once: `disputed` of a payment, and `beside` it, as a dispute's fee.

    Only for what was disputed may providers be asked, who earned by that payment.
    """

    disputed: int
    beside: int


def still_owed(claims: Sequence[Claim], owed: int) -> list[int]:
    """Return what is still owed of what each claim disputed; given oldest first, `owed` is all of them.

    What was repaid has repaid the oldest claim first, and of each what was disputed before what is beside it:
    providers pay only what the payer has not, and never a fee.
    """
    parts = []
    for claim in reversed(claims):
        owed -= min(owed, claim.beside)
        parts.append(min(owed, claim.disputed))
        owed -= parts[-1]
    return parts[::-1]


def tax_share(amount: int, *, gross: int, tax: int, tax_gone: int, gross_gone: int) -> int:
    """Return the tax in a disputed `amount` of a payment of `gross` with `tax` in it.

    Rounded down, but the rest of the payment has the rest of its tax (`…_gone`: refunded or disputed before).
    """
    left = max(0, tax - tax_gone)
    if amount >= gross - gross_gone:
        return min(left, amount)
    return min(left, amount * tax // gross)


def take(amount: int, sources: Sources, *, tax: int = 0) -> Takings:
    """Return who pays a disputed `amount`, of which `tax` was tax.

    What the wallet holds is taken from no provider: it is the payer's debt for the moment that it takes.
    """
    net = amount - tax
    funding = min(net, max(0, sources.funding))
    wallet = min(net - funding, max(0, sources.wallet))
    wanted = net - funding - wallet
    earnings = _taken(sources.earnings, wanted)
    wanted -= sum(kept.amount for kept in earnings)
    held_back = _taken(sources.held_back, wanted)
    wanted -= sum(kept.amount for kept in held_back)
    return Takings(tax, funding, earnings, held_back, wanted + wallet)


def _taken(kept: Sequence[Kept], wanted: int) -> tuple[Kept, ...]:
    parts = first_in_first_out((each.amount for each in kept), wanted)
    pairs = zip(kept, parts, strict=True)
    return tuple(Kept(each.id, each.provider_id, part) for each, part in pairs if part)


def give_back(reinstated: int, taken: Sequence[int]) -> list[int]:
    """Return what each of those from whom money was taken gets of what came back, the first first."""
    return first_in_first_out(taken, reinstated)
