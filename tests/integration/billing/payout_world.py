"""What tests of payouts and disputes share: providers with a bank, payers with a card, money between them."""

import uuid
from datetime import datetime, timedelta

from django.db import transaction

from billing import stripe_gateway as gateway
from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from billing.models import Deposit, Payee, Payout
from billing.selectors.balances import balances
from billing.selectors.stripe_books import clearing_entries
from billing.services.card_lots import lots_spend
from billing.services.ledger_post import ledger_post
from billing.services.payee_onboard import payee_onboard, payee_refresh
from billing.services.payout_decide import payout_decide
from billing.services.payout_step import payout_step
from core.clock import utc_now
from core.models import OutboxMessage
from tests import builders
from tests.integration.billing.books import new_key
from tests.integration.billing.card_world import USD, paid
from tests.stripe import GOOD_BANK, StripeDouble

AT_ONCE = "4000000000000077"
"""A card whose money Stripe has at hand at once."""
FAILING_BANK = "000111111113"
DAY = timedelta(days=1)


def provider(double: StripeDouble, bank: str = GOOD_BANK, **address: str) -> uuid.UUID:
    """Return a new organisation that told Stripe to which bank it is to be paid."""
    who = builders.organisation("provider").id
    onboard(double, who, bank, **address)
    return who


def onboard(double: StripeDouble, who: uuid.UUID, bank: str = GOOD_BANK, **address: str) -> Payee:
    """Have an organisation fill in Stripe's page."""
    _, url = payee_onboard(
        organisation_id=who,
        country="US",
        return_url="http://127.0.0.1/done",
        refresh_url="http://127.0.0.1/again",
        link_key=f"test:{uuid.uuid4()}",
        now=utc_now(),
    )
    double.onboard(url, account_number=bank, **address)
    return payee_refresh(organisation_id=who, now=utc_now())


def account(kind: Kind, who: uuid.UUID | None = None) -> AccountRef:
    """Return an organisation's account, or the house's."""
    return of_house(kind) if who is None else of_organisation(kind, who)


def posted(kind: Kind, who: uuid.UUID | None = None) -> int:
    """Return what an account has."""
    ref = account(kind, who)
    return balances([ref])[ref].posted


def available(kind: Kind, who: uuid.UUID) -> int:
    """Return what an account has that is not set aside."""
    ref = account(kind, who)
    return balances([ref])[ref].available


def move(*legs: tuple[AccountRef, AccountRef, int], at: datetime | None = None) -> None:
    """Post an entry of these legs, now or as if at another moment."""
    at = at or utc_now()
    entry = JournalEntry(new_key(), "test", tuple(Leg(*leg) for leg in legs if leg[2]), at)
    with transaction.atomic():
        ledger_post(entries=[entry], now=at)


def arrive(who: uuid.UUID) -> None:
    """Have what is on its way to a wallet arrive there, as the sequencer would."""
    waiting = OutboxMessage.objects.filter(
        topic="wallet.fund", sent_at__isnull=True, payload__organisation_id=str(who)
    )
    for message in waiting:
        move((account(Kind.TRANSIT), account(Kind.WALLET, who), message.payload["amount_nano_usd"]))
    waiting.update(sent_at=utc_now())


def payer(double: StripeDouble, usd: int = 100, card: str = AT_ONCE) -> tuple[uuid.UUID, Deposit]:
    """Return a new organisation with this much in its wallet, and the deposit that it came by."""
    who = builders.organisation("payer").id
    return who, pay_in(double, who, usd, card)


def pay_in(double: StripeDouble, who: uuid.UUID, usd: int, card: str = AT_ONCE) -> Deposit:
    """Have an organisation pay in by card; the money reaches its wallet."""
    deposit = paid(double, who, usd, card)
    arrive(who)
    return deposit


def earn(who: uuid.UUID, of: uuid.UUID, nano_usd: int, held_back: int = 0) -> None:
    """Have a provider earn out of a payer's wallet, as a settlement has it."""
    with transaction.atomic():
        holds = lots_spend(payer_id=of, provider_id=who, earned=nano_usd, held_back=held_back, now=utc_now())
        wallet = account(Kind.WALLET, of)
        legs = [(account(Kind.EARNINGS, who), nano_usd), (account(Kind.HOLD_BACK, who), held_back)]
        entry = JournalEntry(
            new_key(), "test", tuple(Leg(wallet, to, part) for to, part in legs if part), utc_now()
        )
        ledger_post(entries=[entry], placements=holds, now=utc_now())


def give(who: uuid.UUID, nano_usd: int) -> None:
    """Have a provider earn money that came by no card."""
    move((account(Kind.EXTERNAL_CASH), account(Kind.EARNINGS, who), nano_usd))


def decide(who: uuid.UUID, usd: int | None = None, now: datetime | None = None) -> Payout:
    """Decide on a payout on demand."""
    wanted = None if usd is None else usd * USD
    return payout_decide(organisation_id=who, amount_nano_usd=wanted, now=now or utc_now())


def step(payout: Payout, now: datetime | None = None) -> Payout:
    """Take a payout as far as it goes and return it as it is then."""
    payout_step(payout_id=payout.id, now=now or utc_now())
    payout.refresh_from_db()
    return payout


def at_the_bank(payout: Payout) -> gateway.Payout:
    """Return a payout as Stripe knows it."""
    assert payout.stripe_payout_id is not None
    assert payout.payee.stripe_account_id is not None
    return gateway.payout_get(payout.stripe_payout_id, account=payout.payee.stripe_account_id)


def level(double: StripeDouble) -> datetime:
    """Let the double, which has nothing, and the books agree from now on, whatever other tests left."""
    clearing, outside = account(Kind.STRIPE_CLEARING), account(Kind.EXTERNAL_CASH)
    difference = balances([clearing])[clearing].posted
    if difference:
        debit, credit = (clearing, outside) if difference > 0 else (outside, clearing)
        move((debit, credit, abs(difference)))
    assert double.platform_cents() == 0
    booked = [booked_at for _, booked_at in clearing_entries([], None).values()]
    return max([utc_now(), *booked]) + timedelta(seconds=1)
