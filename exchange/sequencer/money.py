"""What a trade does to the books. Pure."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.ledger.chart import AccountRef, Kind, of_entitlement, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from core.money import fee_nano_usd, mul_div_floor
from exchange.sequencer.facts import Instrument
from exchange.sequencer.resale import Source


@dataclass(frozen=True, slots=True)
class Holding:
    """An entitlement that a trade makes: who holds how much, with its escrow N and deferred fees F."""

    entitlement_id: uuid.UUID
    compute_class: str
    holder_id: uuid.UUID
    quantity_ucu: int
    escrow_nano_usd: int
    fees_nano_usd: int

    def account(self, kind: Kind) -> AccountRef:
        """Return the entitlement's account of this kind."""
        return of_entitlement(kind, self.entitlement_id, self.compute_class)


@dataclass(frozen=True, slots=True)
class Trade:
    """A match with its money. The beneficiary gets `held_ucu` of the compute; a rest is the buyer's."""

    id: uuid.UUID
    entitlement_ids: tuple[uuid.UUID, uuid.UUID]
    instrument: Instrument
    sequence: int
    price_ticks: int
    quantity_lots: int
    taker_is_buyer: bool
    buyer_id: uuid.UUID
    holder_id: uuid.UUID
    held_ucu: int
    seller_id: uuid.UUID
    buy_order_id: uuid.UUID
    sell_order_id: uuid.UUID
    traded_at: datetime
    buyer_fee_ppm: int
    seller_fee_ppm: int
    is_self: bool = False
    is_selective: bool = False
    auction_id: uuid.UUID | None = None
    delivers_until: datetime | None = None
    source: Source | None = None
    """What is sold on; None: the seller issues what it sells."""

    @property
    def is_resale(self) -> bool:
        """Tell whether an entitlement changes hands, and nothing is issued."""
        return self.source is not None

    @property
    def provider_id(self) -> uuid.UUID:
        """Return who owes the compute: the seller, or who issued what it sells on."""
        return self.source.provider_id if self.source is not None else self.seller_id

    @property
    def is_printed(self) -> bool:
        """Tell whether the trade says something about the price: index, candles, reference use only such."""
        return not (self.is_self or self.is_selective or self.is_resale)

    @property
    def notional_nano_usd(self) -> int:
        """Return the price of the whole quantity."""
        return self.instrument.notional_nano_usd(self.price_ticks, self.quantity_lots)

    @property
    def buyer_fee_nano_usd(self) -> int:
        """Return the fee that the buyer pays on top."""
        return fee_nano_usd(self.notional_nano_usd, self.buyer_fee_ppm)

    @property
    def seller_fee_nano_usd(self) -> int:
        """Return the fee that is taken out of the price."""
        return fee_nano_usd(self.notional_nano_usd, self.seller_fee_ppm)

    @property
    def paid_nano_usd(self) -> int:
        """Return what leaves the buyer's wallet: price and fee."""
        return self.notional_nano_usd + self.buyer_fee_nano_usd

    @property
    def received_nano_usd(self) -> int:
        """Return what a reseller gets at once: the price without its fee."""
        return self.notional_nano_usd - self.seller_fee_nano_usd

    @property
    def escrow_nano_usd(self) -> int:
        """Return N: the price without the seller's fee (ARCHITECTURE, "Fee"); what a resale passes on."""
        if self.source is not None:
            return self.source.escrow_nano_usd
        return self.notional_nano_usd - self.seller_fee_nano_usd

    @property
    def fees_nano_usd(self) -> int:
        """Return F: both fees, deferred until the compute is drawn; of a resale, what goes along."""
        if self.source is not None:
            return self.source.fees_nano_usd
        return self.buyer_fee_nano_usd + self.seller_fee_nano_usd

    @property
    def quantity_ucu(self) -> int:
        """Return Q: the compute sold."""
        return self.quantity_lots * self.instrument.lot_ucu

    @property
    def ends_at(self) -> datetime:
        """Return when the window of the compute ends: where the auction says so, else after the window; that
        of a resale stays."""
        if self.source is not None:
            return self.source.ends_at
        return self.delivers_until or self.traded_at + timedelta(seconds=self.instrument.window_s)

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """Return what the trade makes: the beneficiary's entitlement, and of a shared lot the buyer's.

        Of x µCU out of Q the beneficiary's has ⌊N·x/Q⌋ and ⌊F·x/Q⌋, the buyer's the rest.
        """
        quantity, held = self.quantity_ucu, self.held_ucu
        escrow = mul_div_floor(self.escrow_nano_usd, held, quantity)
        fees = mul_div_floor(self.fees_nano_usd, held, quantity)
        beneficiary, buyer = self.entitlement_ids
        compute_class = self.instrument.compute_class
        holding = Holding(beneficiary, compute_class, self.holder_id, held, escrow, fees)
        if held == quantity:
            return (holding,)
        rest = (quantity - held, self.escrow_nano_usd - escrow, self.fees_nano_usd - fees)
        return (holding, Holding(buyer, compute_class, self.buyer_id, *rest))

    def entry(self) -> JournalEntry:
        """Return the one entry.

        Of a sale: wallet → escrow N, wallet → deferred fees F, issue → entitlement Q. Of a resale: the price
        from wallet to wallet and both fees to income, at once; and compute, debt and escrow from the lodged
        entitlement to the new one.
        """
        wallet = of_organisation(Kind.WALLET, self.buyer_id)
        legs = self._sale_legs(wallet) if self.source is None else self._resale_legs(wallet, self.source)
        return JournalEntry(
            key=f"trade:{self.id}",
            kind="trade",
            legs=tuple(Leg(debit, credit, amount) for debit, credit, amount in legs if amount),
            event_at=self.traded_at,
            ref=str(self.id),
        )

    def _sale_legs(self, wallet: AccountRef) -> list[tuple[AccountRef, AccountRef, int]]:
        return [
            *((wallet, each.account(Kind.ESCROW), each.escrow_nano_usd) for each in self.holdings),
            (wallet, of_house(Kind.DEFERRED_FEES), self.fees_nano_usd),
            *(
                (each.account(Kind.ISSUE), each.account(Kind.ENTITLEMENT), each.quantity_ucu)
                for each in self.holdings
            ),
        ]

    def _resale_legs(self, wallet: AccountRef, source: Source) -> list[tuple[AccountRef, AccountRef, int]]:
        def of_source(kind: Kind) -> AccountRef:
            return of_entitlement(kind, source.entitlement_id, self.instrument.compute_class)

        fees = self.buyer_fee_nano_usd + self.seller_fee_nano_usd
        legs = [
            (wallet, of_organisation(Kind.WALLET, self.seller_id), self.received_nano_usd),
            (wallet, of_house(Kind.FEE_INCOME), fees),
        ]
        for each in self.holdings:
            legs += [
                (of_source(Kind.ESCROW), each.account(Kind.ESCROW), each.escrow_nano_usd),
                (of_source(Kind.ENTITLEMENT), each.account(Kind.ENTITLEMENT), each.quantity_ucu),
                (each.account(Kind.ISSUE), of_source(Kind.ISSUE), each.quantity_ucu),
            ]
        return legs
