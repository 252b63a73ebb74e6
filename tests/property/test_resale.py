"""Whatever is split, sold on, drawn and expired, in any order: compute and money stay exact."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import Leg
from core.ids import new_id
from core.money import share_released
from exchange.models import ComputeClass, Entitlement, Instrument
from exchange.sequencer.money import Trade
from exchange.sequencer.resale import Lodged
from exchange.services.entitlement_expire import split_at_expiry
from exchange.services.entitlement_lodge import split_legs
from exchange.services.shares import FeeShares, fee_legs, leg, provider_legs
from tests.unit.sequencer.test_risk import instrument

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TERMS = instrument(lot_ucu=7, tick_nano_usd=3)
ROW = Instrument(id=TERMS.id, compute_class=ComputeClass(code="c"), compute_class_id="c", lot_ucu=7)
HOLDERS, PROVIDER = [UUID(int=n) for n in (1, 2, 3)], UUID(int=9)
SHARES = FeeShares(insurance_ppm=100_000, public_access_ppm=50_000)
FEE_PPM = 7_777


@dataclass
class Books:
    """Accounts, entitlements with what was used of each, and the offers in the sequencer's hands."""

    posted: defaultdict[AccountRef, int] = field(default_factory=lambda: defaultdict(int))
    rows: list[Entitlement] = field(default_factory=list)
    offers: dict[UUID, Lodged] = field(default_factory=dict)

    def post(self, legs: Iterable[Leg]) -> None:
        for each in legs:
            self.posted[each.debit] -= each.amount
            self.posted[each.credit] += each.amount

    def undrawn(self, row: Entitlement) -> int:
        return self.posted[row.account(Kind.ENTITLEMENT)]

    def live(self, state: str) -> list[Entitlement]:
        return [row for row in self.rows if row.state == state]

    def trade(self, lots: int, price: int, buyer: UUID, seller: UUID, offer: Lodged | None) -> None:
        quantity = lots * TERMS.lot_ucu
        trade = Trade(
            id=new_id(),
            entitlement_ids=(new_id(), new_id()),
            instrument=TERMS,
            sequence=1,
            price_ticks=price,
            quantity_lots=lots,
            taker_is_buyer=True,
            buyer_id=buyer,
            holder_id=buyer,
            held_ucu=quantity,
            seller_id=seller,
            buy_order_id=new_id(),
            sell_order_id=new_id(),
            traded_at=NOW,
            buyer_fee_ppm=FEE_PPM,
            seller_fee_ppm=FEE_PPM // 3,
            source=offer.take(quantity) if offer else None,
        )
        self.post(trade.entry().legs)
        for each in trade.holdings:
            self.rows.append(
                self.row(each.entitlement_id, buyer, quantity, each.escrow_nano_usd, each.fees_nano_usd)
            )
        if offer and not offer.left_ucu:
            self.end_offer(offer, "sold")

    def row(self, id: UUID, holder: UUID, quantity: int, escrow: int, fee: int) -> Entitlement:
        return Entitlement(
            id=id,
            instrument=ROW,
            holder_id=holder,
            provider_id=PROVIDER,
            quantity_ucu=quantity,
            escrow_nano_usd=escrow,
            fee_nano_usd=fee,
            starts_at=NOW,
            ends_at=NOW,
            state="live",
        )

    def lodge(self, origin: Entitlement, lots: int) -> None:
        amount = min(lots * TERMS.lot_ucu, self.undrawn(origin) // TERMS.lot_ucu * TERMS.lot_ucu)
        if not amount:
            return
        escrow, fee = origin.released(undrawn_ucu=self.undrawn(origin), amount_ucu=amount)
        part = self.row(new_id(), origin.holder_id, amount, escrow, fee)
        part.state = "lodged"
        self.post(split_legs(origin, part))
        self.rows.append(part)
        self.offers[part.id] = Lodged(
            part.id, TERMS.id, part.holder_id, PROVIDER, amount, escrow, fee, NOW, used_ucu=0
        )

    def end_offer(self, offer: Lodged, state: str) -> None:
        del self.offers[offer.id]
        next(row for row in self.rows if row.id == offer.id).state = state

    def draw(self, row: Entitlement, amount: int) -> None:
        amount = min(amount, self.undrawn(row))
        escrow, fee = row.released(undrawn_ucu=self.undrawn(row), amount_ucu=amount)
        self.post(leg(row.account(Kind.ENTITLEMENT), row.account(Kind.ISSUE), amount))
        self.post(provider_legs(row.account(Kind.ESCROW), PROVIDER, escrow, 333_333))
        self.post(fee_legs(fee, SHARES))

    def expire(self, row: Entitlement, availability_ppm: int) -> None:
        unused = self.undrawn(row)
        escrow, fee = row.released(undrawn_ucu=unused, amount_ucu=unused)
        provider, earned, _ = split_at_expiry(
            escrow=escrow, fee=fee, availability_ppm=availability_ppm, delivery="spot"
        )
        funding = of_organisation(Kind.FUNDING, row.holder_id)
        self.post(leg(row.account(Kind.ENTITLEMENT), row.account(Kind.ISSUE), unused))
        self.post(provider_legs(row.account(Kind.ESCROW), PROVIDER, provider, 333_333))
        self.post(fee_legs(earned, SHARES))
        self.post(leg(row.account(Kind.ESCROW), funding, escrow - provider))
        self.post(leg(of_house(Kind.DEFERRED_FEES), funding, fee - earned))
        row.state = "expired"

    def check(self) -> None:
        """Compare every account with what the rows say (the invariants of `ledger_verify`)."""
        assert sum(amount for account, amount in self.posted.items() if account.asset == "USD") == 0
        deferred = 0
        for row in self.rows:
            undrawn = self.undrawn(row)
            assert 0 <= undrawn == -self.posted[row.account(Kind.ISSUE)]
            used = row.quantity_ucu - undrawn
            left = [
                n - share_released(n, 0, used, row.quantity_ucu)
                for n in (row.escrow_nano_usd, row.fee_nano_usd)
            ]
            if row.state not in ("live", "lodged"):
                assert undrawn == 0
            else:
                deferred += left[1]
            assert self.posted[row.account(Kind.ESCROW)] == left[0]
            if row.id in self.offers:
                assert self.offers[row.id].left_ucu == undrawn
        assert self.posted[of_house(Kind.DEFERRED_FEES)] == deferred


number = st.integers(0, 10_000)
steps = st.tuples(
    st.sampled_from(["buy", "lodge", "resell", "resell", "return", "draw", "expire"]),
    number,
    st.integers(1, 40),
    st.integers(100, 5_000),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=40))
def test_any_sequence_of_sales_splits_draws_and_ends_is_exact(moves):
    books = Books()
    books.trade(40, 1_999, HOLDERS[0], PROVIDER, None)
    for kind, which, lots, price in moves:
        carry_out(books, kind, which, lots, price)
        books.check()
    for offer in list(books.offers.values()):
        books.end_offer(offer, "live")
    for row in books.live("live"):
        books.expire(row, 654_321)
    books.check()
    open_accounts = {a.kind for a, amount in books.posted.items() if amount and a.kind in ENDED}
    assert open_accounts == set()


ENDED = {Kind.ESCROW, Kind.ENTITLEMENT, Kind.ISSUE, Kind.DEFERRED_FEES}


def carry_out(books: Books, kind: str, which: int, lots: int, price: int) -> None:
    """Take a step, if there is something to take it on."""
    live, offers = books.live("live"), list(books.offers.values())
    if kind == "buy":
        books.trade(lots, price, HOLDERS[which % 3], PROVIDER, None)
    elif kind in ("resell", "return") and offers:
        offer = offers[which % len(offers)]
        if kind == "return":
            books.end_offer(offer, "live")
        else:
            buyer = next(id for id in HOLDERS if id != offer.holder_id)
            books.trade(min(lots, offer.left_ucu // TERMS.lot_ucu), price, buyer, offer.holder_id, offer)
    elif live and kind in ("lodge", "draw", "expire"):
        row = live[which % len(live)]
        if kind == "lodge":
            books.lodge(row, lots)
        elif kind == "draw":
            books.draw(row, lots)
        else:
            books.expire(row, price * 100)
