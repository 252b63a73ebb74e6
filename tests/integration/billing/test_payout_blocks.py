"""What links a provider with its payers has a payout wait for two operators; stolen money never leaves."""

import uuid
from datetime import datetime

import pytest
from django.db import transaction

from billing.ledger.chart import Kind
from billing.models import CardLot, Payout
from billing.rules.address import address_sha256
from billing.services.card_lots import lots_pass_on, lots_spend
from billing.services.payout_release import payout_release, payout_release_request
from billing.services.payouts_run import payouts_run
from core.clock import utc_now
from core.errors import Code
from tests import builders
from tests.integration.billing.card_world import USD
from tests.integration.billing.payout_world import (
    DAY,
    available,
    decide,
    earn,
    give,
    onboard,
    pay_in,
    payer,
    posted,
    provider,
)
from tests.integration.contract.books import refusal_of

ADDRESS = {"line1": "1 Main Street", "postal_code": "94111", "country": "US", "city": "San Francisco"}
BANK = "000777777771"


def card_money(who: uuid.UUID, usd: int = 100, *, at: datetime | None = None, **facts: object) -> CardLot:
    """Have an organisation own card money that is no longer at risk."""
    return CardLot.objects.create(
        organisation_id=who,
        payment_intent_id=f"pi_{uuid.uuid4().hex}",
        amount_nano_usd=usd * USD,
        deposited_at=at or utc_now() - 40 * DAY,
        **{"at_risk_until": utc_now() - DAY} | facts,
    )


def earned_of(payer_id: uuid.UUID, who: uuid.UUID, usd: int = 20) -> None:
    """Have a provider earn card money of an organisation."""
    with transaction.atomic():
        holds = lots_spend(payer_id=payer_id, provider_id=who, earned=usd * USD, held_back=0, now=utc_now())
    assert holds == []
    give(who, usd * USD)


def somebody() -> uuid.UUID:
    return builders.organisation().id


def blocked(who: uuid.UUID) -> str:
    """Decide on a payout that must be blocked; return why. Nothing has moved."""
    before = posted(Kind.EARNINGS, who)
    payout = decide(who)
    assert (payout.state, posted(Kind.EARNINGS, who)) == ("blocked", before)
    assert decide(who).id == payout.id
    assert payouts_run(now=utc_now() + DAY) >= 0
    assert Payout.objects.filter(payee__organisation_id=who, state="blocked").count() == 1
    return payout.block_reason


def test_card_money_at_risk_is_not_paid_out_and_the_rest_is(double):
    who = provider(double)
    buyer, _ = payer(double, 100)
    earn(who, buyer, 90 * USD)
    assert available(Kind.EARNINGS, who) == 0
    assert refusal_of(lambda: decide(who)) is Code.PAYOUT_TOO_SMALL
    give(who, 20 * USD)
    assert decide(who).amount_nano_usd == 20 * USD
    assert (posted(Kind.EARNINGS, who), available(Kind.EARNINGS, who)) == (90 * USD, 0)


def test_a_stolen_cards_money_never_leaves_by_the_thiefs_own_provider(double):
    """Stolen card → own buyer → own provider → payout: first set aside, and blocked when that is over."""
    thief = provider(double)
    buyer, deposit = payer(double, 400)
    earn(thief, buyer, 200 * USD, held_back=150 * USD)
    for day in range(3):
        payouts_run(now=utc_now() + day * DAY)
    assert refusal_of(lambda: decide(thief)) is Code.PAYOUT_TOO_SMALL
    pay_in(double, thief, 20)
    earn(thief, thief, 20 * USD)
    assert (posted(Kind.EARNINGS, thief), available(Kind.EARNINGS, thief)) == (220 * USD, 0)
    assert not Payout.objects.filter(payee__organisation_id=thief).exists()
    assert CardLot.objects.get(payment_intent_id=deposit.payment_intent_id).remaining_nano_usd == 50 * USD
    give(thief, 10 * USD)
    assert blocked(thief) == "same_organisation"


def test_ones_own_card_money_blocks_a_payout_also_after_it_went_through_others(double):
    who, other = provider(double), somebody()
    own = card_money(who)
    with transaction.atomic():
        lots_pass_on(from_id=who, to_id=other, amount_nano_usd=40 * USD)
    earned_of(other, who)
    passed = CardLot.objects.get(organisation_id=other)
    assert (passed.payment_intent_id, passed.spent_nano_usd) == (own.payment_intent_id, 20 * USD)
    assert blocked(who) == "same_organisation"


def test_the_same_card_on_both_sides_blocks_a_payout(double):
    who, other, card = provider(double), somebody(), builders.unique("card")
    card_money(who, card_fingerprint=card)
    card_money(other, card_fingerprint=card)
    earned_of(other, who)
    assert blocked(who) == "same_card"


def test_the_same_bank_on_both_sides_blocks_a_payout(double):
    who, other = provider(double, bank=BANK), provider(double, bank=BANK)
    card_money(other)
    earned_of(other, who)
    assert blocked(who) == "same_bank"


def test_the_same_address_on_both_sides_blocks_a_payout(double):
    who, other = provider(double, **ADDRESS), somebody()
    written_otherwise = {"line1": "1, main street", "postal_code": "94111", "country": "us"}
    card_money(other, address_sha256=address_sha256(written_otherwise))
    earned_of(other, who)
    assert blocked(who) == "same_address"


def test_much_that_was_paid_in_lately_for_one_provider_blocks_its_payout(double):
    who, other = provider(double), somebody()
    card_money(other, 625, at=utc_now() - DAY)
    earned_of(other, who, 499)
    assert decide(who, usd=10).state == "decided"
    earned_of(other, who, 1)
    assert blocked(who) == "pass_through"


def test_honest_strangers_are_paid(double):
    who, other = provider(double, bank=BANK), provider(double)
    card_money(other, 2_000, at=utc_now() - DAY, card_fingerprint=builders.unique("card"))
    card_money(who, 2_000, card_fingerprint=builders.unique("card"))
    earned_of(other, who, 700)
    assert decide(who).amount_nano_usd == 700 * USD


def ask(payout: Payout, who: str = "key_1") -> Payout:
    return payout_release_request(payout_id=payout.id, requested_by=who, reason="seen", now=utc_now())


def release(payout: Payout, who: str = "key_2") -> Payout:
    return payout_release(payout_id=payout.id, approved_by=who, now=utc_now())


@pytest.fixture
def waiting(double) -> Payout:
    """A blocked payout of 20 dollars."""
    who = provider(double)
    card_money(who)
    earned_of(who, who)
    payout = decide(who)
    assert (payout.state, payout.amount_nano_usd) == ("blocked", 20 * USD)
    return payout


def test_two_operators_release_a_blocked_payout_once(waiting):
    who = waiting.payee.organisation_id
    assert refusal_of(lambda: release(waiting)) is Code.PAYOUT_NOT_BLOCKED
    ask(waiting)
    assert refusal_of(lambda: release(waiting, "key_1")) is Code.SAME_OPERATOR
    assert posted(Kind.EARNINGS, who) == 20 * USD
    done = release(waiting)
    assert (done.state, done.release_approved_by, posted(Kind.EARNINGS, who)) == ("decided", "key_2", 0)
    assert release(waiting, "key_3").release_approved_by == "key_2"
    assert posted(Kind.EARNINGS, who) == 0
    assert refusal_of(lambda: ask(waiting)) is Code.PAYOUT_NOT_BLOCKED


def test_no_more_is_released_than_is_payable_then(waiting):
    who = waiting.payee.organisation_id
    give(who, 5 * USD)
    ask(waiting)
    assert release(waiting).amount_nano_usd == 20 * USD
    assert posted(Kind.EARNINGS, who) == 5 * USD


def test_a_blocked_payout_is_not_released_to_a_payee_who_cannot_be_paid(double, waiting):
    ask(waiting)
    double.control(f"accounts/{waiting.payee.stripe_account_id}/require")
    waiting.payee.__class__.objects.filter(id=waiting.payee_id).update(payouts_enabled=False)
    assert refusal_of(lambda: release(waiting)) is Code.PAYEE_NOT_READY
    assert refusal_of(lambda: release(Payout(id=uuid.uuid4()))) is Code.NOT_FOUND
    assert Payout.objects.get(id=waiting.id).state == "blocked"


def test_a_payee_is_one_account_however_often_it_is_made(double):
    who = provider(double)
    first = onboard(double, who)
    again = onboard(double, who, bank=BANK)
    assert again.stripe_account_id == first.stripe_account_id
    assert (again.bank_last4, again.status) == (BANK[-4:], "active")
    assert again.bank_fingerprint != first.bank_fingerprint
