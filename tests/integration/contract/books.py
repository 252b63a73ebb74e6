"""What the tests of the contract share: entitlements bought on a real market, reservations, figures."""

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connections, transaction

from accounts.models import Organisation
from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.selectors.balances import balances
from billing.services.ledger_post import ledger_post
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import new_id
from core.outbox import outbox_drain
from exchange.models import Entitlement
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetCapacity
from exchange.services.entitlement_draw import Drawn, entitlement_draw
from exchange.services.entitlement_release import entitlement_release
from exchange.services.entitlement_reserve import Part, entitlement_reserve
from exchange.tasks import OUTBOX_HANDLERS
from tests import builders
from tests.sequencer_market import Market

T = TypeVar("T")
CASH = of_house(Kind.EXTERNAL_CASH)
INSURANCE = of_house(Kind.INSURANCE)
HOLD_BACK_PPM = 500_000
FEES = {"maker_fee_ppm": 370, "taker_fee_ppm": 1_130}
"""Odd fees, so that every division leaves a rest."""


def buy(
    market: Market, price: int = 1_999, lots: int = 13, seller: Organisation | None = None
) -> Entitlement:
    """Have the market's buyer buy lots of a seller's, who has just offered them; return the entitlement."""
    offer(market, seller or market.seller, price, lots)
    known = set(Entitlement.objects.filter(instrument=market.instrument).values_list("id", flat=True))
    assert market.buy(price, lots).body["status"] == "filled"
    return (
        Entitlement.objects.select_related("instrument")
        .exclude(id__in=known)
        .get(instrument=market.instrument)
    )


def offer(market: Market, seller: Organisation, price: int, lots: int) -> Any:
    """Have somebody offer lots."""
    verdict = market.order(seller, "sell", price, lots)
    assert verdict.status == 201, verdict.body
    return verdict


def another_seller(market: Market, rate_ucu_per_s: int = 1_000) -> Organisation:
    """Make another provider of the market's class."""
    seller = builders.organisation("seller")
    capacity = SetCapacity(seller.id, market.instrument.compute_class_id, rate_ucu_per_s, 1_000_000)
    assert submit_sync(capacity).status == 200
    return seller


def reserve(
    market: Market, compute_ucu: int, *providers: Organisation, now: Any = None, job_id: Any = None
) -> tuple[Part, ...]:
    """Reserve a job on the buyer's entitlements with these providers (the market's seller if none)."""
    with transaction.atomic():
        return entitlement_reserve(
            organisation_id=market.buyer.id,
            compute_class=market.instrument.compute_class_id,
            compute_ucu=compute_ucu,
            job_id=job_id or new_id(),
            now=now or utc_now(),
            order=lambda prices: [each.id for each in providers or [market.seller] if each.id in prices],
        ).parts


def draw(parts: Sequence[Part], used_ucu: int, hold_back_ppm: int = HOLD_BACK_PPM) -> Drawn:
    """Settle a job."""
    with transaction.atomic():
        return entitlement_draw(
            job_id=new_id(),
            parts=parts,
            used_ucu=used_ucu,
            hold_back_ppm=lambda _: hold_back_ppm,
            now=utc_now(),
        )


def release(parts: Sequence[Part]) -> None:
    """Give a job's parts back."""
    with transaction.atomic():
        entitlement_release(parts=parts, now=utc_now())


def refusal_of(work: Callable[[], object]) -> Code:
    """Return the code with which `work` is refused."""
    try:
        work()
    except CuxError as error:
        return error.code
    raise AssertionError("it was not refused")


def at_once(works: Sequence[Callable[[], T]]) -> list[T | CuxError]:
    """Run all at once, each on a database session of its own; return results and refusals."""

    def run(work: Callable[[], T]) -> T | CuxError:
        try:
            return work()
        except CuxError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def give(account: AccountRef, amount: int) -> None:
    """Put money from outside into an account, or take it out."""
    if amount:
        debit, credit = (CASH, account) if amount > 0 else (account, CASH)
        entry = JournalEntry(f"test:{uuid.uuid4()}", "test", (Leg(debit, credit, abs(amount)),), utc_now())
        with transaction.atomic():
            ledger_post(entries=[entry], now=utc_now())


def set_insurance(amount: int) -> None:
    """Have exactly this much in insurance."""
    give(INSURANCE, amount - balances([INSURANCE])[INSURANCE].posted)


def drain() -> None:
    """Deliver what the outbox has for the exchange."""
    outbox_drain(OUTBOX_HANDLERS, utc_now())


@dataclass
class Books:
    """The accounts of one buyer, one provider and the house, and how they changed since."""

    market: Market

    def __post_init__(self) -> None:
        """Remember how things stand."""
        buyer, seller, house = self.market.buyer.id, self.market.seller.id, builders.house().id
        self.accounts = {
            "buyer_wallet": of_organisation(Kind.WALLET, buyer),
            "buyer_funding": of_organisation(Kind.FUNDING, buyer),
            "earnings": of_organisation(Kind.EARNINGS, seller),
            "hold_back": of_organisation(Kind.HOLD_BACK, seller),
            "deferred_fees": of_house(Kind.DEFERRED_FEES),
            "fee_income": of_house(Kind.FEE_INCOME),
            "insurance": INSURANCE,
            "public_access": of_house(Kind.PUBLIC_ACCESS),
            "transit": of_house(Kind.TRANSIT),
            "house_wallet": of_organisation(Kind.WALLET, house),
            "house_funding": of_organisation(Kind.FUNDING, house),
        }
        self.before = self._now()

    def _now(self) -> dict[str, int]:
        found = balances(list(self.accounts.values()))
        return {name: found[account].posted for name, account in self.accounts.items()}

    def changes(self) -> dict[str, int]:
        """Return by how much each account has changed, without those that have not."""
        now = self._now()
        return {name: now[name] - before for name, before in self.before.items() if now[name] != before}


def entitlement_figures(row: Entitlement) -> tuple[int, int, int, int]:
    """Return undrawn µCU, reserved µCU, issued µCU (negative) and escrow in nano-USD."""
    kinds = (Kind.ENTITLEMENT, Kind.ISSUE, Kind.ESCROW)
    accounts = [row.account(kind) for kind in kinds]
    found = balances(accounts)
    compute, issue, escrow = (found[account] for account in accounts)
    return compute.posted, compute.held, issue.posted, escrow.posted
