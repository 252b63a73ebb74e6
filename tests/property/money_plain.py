"""What should become of money, in plain integers: no database, no services, no clever code.

One buyer pays by card and by bank transfer, trades with one provider, takes money back; cards are disputed;
the provider is paid out. Amounts are nano-USD.
"""

from dataclasses import dataclass, field

CENT = 10_000_000
USD = 100 * CENT
DISPUTE_FEE = 15 * USD
PAYOUT_MIN = 10 * USD


@dataclass
class Card:
    """One deposit by card: what its lot has left, and what of it the provider still has at risk."""

    amount: int
    fee: int
    left: int
    earned: int = 0
    held_back: int = 0
    refunded: int = 0
    refunded_fee: int = 0
    taken: dict[str, int] = field(default_factory=dict)
    lot_taken: int = 0
    state: str = "paid"


@dataclass
class Claim:
    """What one dispute left to be paid by the buyer: what its card paid, and the fee."""

    card: Card
    disputed: int
    fee: int = DISPUTE_FEE


@dataclass
class Plain:
    """Every account by name, and what holds say."""

    funding: int = 0
    wallet: int = 0
    held: int = 0
    margin: int = 0
    escrow: int = 0
    deferred_fees: int = 0
    earnings: int = 0
    hold_back: int = 0
    clearing: int = 0
    stripe_fees: int = 0
    in_transit: int = 0
    earned_fees: int = 0
    outside: int = 0
    cards: list[Card] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    @property
    def debt(self) -> int:
        """Return what the buyer owes, as a negative number."""
        return -sum(claim.disputed + claim.fee for claim in self.claims)

    def repay(self, amount: int) -> None:
        """The buyer pays what it owes: the oldest dispute first, what was disputed before the fee."""
        for claim in self.claims:
            for name in ("disputed", "fee"):
                part = min(getattr(claim, name), amount)
                setattr(claim, name, getattr(claim, name) - part)
                amount -= part

    @property
    def at_risk(self) -> int:
        """Return what is set aside on the provider's earnings."""
        return sum(card.earned for card in self.cards)

    def house(self) -> list[int]:
        """Return the house's accounts: Stripe, its fees, payouts and fees to come, outside, in transit."""
        return [self.clearing, self.stripe_fees, self.in_transit, self.deferred_fees, self.outside, 0]

    def total(self) -> int:
        """Return the sum of everything, which is nothing."""
        ours = self.clearing + self.stripe_fees + self.in_transit + self.outside
        fees = self.deferred_fees + self.earned_fees
        theirs = self.funding + self.wallet + self.margin + self.debt + self.escrow
        return ours + fees + theirs + self.earnings + self.hold_back

    def to_wallet(self, amount: int) -> None:
        """Send money that came to funding on: what is owed is repaid first."""
        repaid = min(-self.debt, amount)
        self.funding -= amount
        self.repay(repaid)
        self.wallet += amount - repaid

    def deposit(self, amount: int, fee: int) -> None:
        """A card was charged."""
        self.clearing -= amount - fee
        self.stripe_fees -= fee
        self.funding += amount
        self.cards.append(Card(amount, fee, left=amount))
        self.to_wallet(amount)

    def settle(self, price: int, fee: int, *, held_back: int) -> None:
        """The provider has delivered: paid by card money first, the oldest first, into earnings first."""
        self.escrow -= price
        self.deferred_fees -= fee
        self.earned_fees += fee
        self.earnings += price - held_back
        self.hold_back += held_back
        wanted = {"earned": price - held_back, "held_back": held_back}
        for part in ("earned", "held_back"):
            for card in self.cards:
                paid = min(card.left, wanted[part])
                card.left -= paid
                wanted[part] -= paid
                setattr(card, part, getattr(card, part) + paid)

    def refundable(self, wanted: int | None) -> list[tuple[Card, int, int]]:
        """Return (card, amount, fee's share) of a refund, the newest cards first; nothing if it cannot be.

        Who owes something gets nothing back.
        """
        if self.debt:
            return []
        unspent = self.wallet - self.held
        rest = unspent if wanted is None else wanted
        parts = []
        for card in reversed(self.cards):
            if card.state in ("disputed", "lost"):
                continue
            amount = min(card.left, card.amount - card.refunded, rest) // CENT * CENT
            share = (card.fee // CENT) * (card.refunded + amount) // card.amount * CENT - card.refunded_fee
            if amount and amount > share:
                parts.append((card, amount, share))
                rest -= amount
        if wanted is not None and (wanted > unspent or rest):
            return []
        return parts

    def refund(self, parts: list[tuple[Card, int, int]]) -> None:
        """What was asked for has reached the cards."""
        for card, amount, share in parts:
            self.wallet -= amount
            self.clearing += amount - share
            self.stripe_fees += share
            card.left -= amount
            card.refunded += amount
            card.refunded_fee += share

    def dispute(self, card: Card) -> None:
        """The bank takes a payment back, and Stripe a fee; what the wallet has repays the debt at once.

        What the buyer does not have is in escrow: that remains this card's, and is taken when it is earned.
        """
        amount = card.amount - card.refunded
        free = max(0, self.wallet - self.held)
        card.state, card.lot_taken = "disputed", min(card.left, amount, self.funding + free)
        card.left -= card.lot_taken
        taken = {"funding": min(amount, self.funding)}
        owed = min(amount - taken["funding"], free)
        wanted = amount - taken["funding"] - owed
        taken["earned"] = min(wanted, card.earned)
        taken["held_back"] = min(wanted - taken["earned"], card.held_back)
        taken["debt"] = wanted - taken["earned"] - taken["held_back"] + owed
        card.taken = taken
        self.funding -= taken["funding"]
        self.earnings -= taken["earned"]
        card.earned -= taken["earned"]
        self.hold_back -= taken["held_back"]
        card.held_back -= taken["held_back"]
        self.claims.append(Claim(card, taken["debt"]))
        self.clearing += amount + DISPUTE_FEE
        self.collect()

    def win(self, card: Card) -> None:
        """The bank gives it back: to the debt as far as it is open, else to whom it was taken from."""
        card.state, taken = "won", card.taken
        amount = sum(taken.values())
        card.left += card.lot_taken
        self.clearing -= amount
        claim = next(each for each in self.claims if each.card is card)
        still_owed, claim.disputed = claim.disputed, 0
        repaid = still_owed + min(taken["debt"] - still_owed, -self.debt)
        self.repay(repaid - still_owed)
        self.earnings += taken["earned"]
        self.hold_back += taken["held_back"]
        card.held_back += taken["held_back"]
        back = taken["debt"] - repaid + taken["funding"]
        self.funding += back
        self.to_wallet(back)

    def collect(self) -> None:
        """Take what is owed out of funding, what that lacks out of the wallet, and what both lack of what was
        disputed out of what its card has paid the provider since.
        """
        pulled = max(0, min(-self.debt - self.funding, self.wallet - self.held))
        self.wallet -= pulled
        self.funding += pulled
        repaid = min(-self.debt, self.funding)
        self.funding -= repaid
        self.repay(repaid)
        for claim in self.claims:
            card = claim.card
            earned = min(claim.disputed, card.earned)
            held_back = min(claim.disputed - earned, card.held_back)
            claim.disputed -= earned + held_back
            self.earnings -= earned
            self.hold_back -= held_back
            for name, part in (("earned", earned), ("held_back", held_back)):
                setattr(card, name, getattr(card, name) - part)
                card.taken[name] += part
                card.taken["debt"] -= part
