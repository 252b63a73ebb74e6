"""What people who pay do, and their banks."""

from billing import stripe_gateway as gateway
from billing.models import Customer, Deposit, Dispute, Refund
from billing.services.deposit_create import deposit_create
from billing.services.deposit_step import deposit_step
from billing.services.refund_create import refund_create
from core.money import NANO_PER_USD
from tests.chaos.scene import Scene
from tests.chaos.wallets import messages_arrive

CARDS = {
    "4242424242424242": 6,
    "4000000000000077": 6,
    "4000000000009995": 1,
    "4000002760003184": 2,
    "4000000000000259": 1,
    "4000000000007726": 2,
    "4000000000005126": 1,
}
"""Good ones; declined; one that asks; disputed; refunds that are pending first, or fail. With weights."""


def _deposit(scene: Scene, **wanted: object) -> Deposit | None:
    found = list(Deposit.objects.filter(organisation_id__in=scene.payers, **wanted).order_by("-id")[:3])
    return scene.chance.choice(found) if found else None


def ask_for_a_page(scene: Scene) -> None:
    """Somebody asks for a page to pay on."""
    deposit = deposit_create(
        organisation_id=scene.payer(),
        amount_nano_usd=scene.chance.randrange(10, 200) * NANO_PER_USD,
        method=Deposit.Method.CHECKOUT,
        saves_card=scene.chance.random() < 0.8,
        now=scene.now(),
    )
    deposit_step(deposit_id=deposit.id, now=scene.now())


def pay_on_the_page(scene: Scene) -> None:
    """Somebody enters a card."""
    deposit = _deposit(scene, method="checkout", state="open")
    if deposit is not None:
        card = scene.chance.choices(list(CARDS), list(CARDS.values()))[0]
        scene.double.pay(deposit.checkout_url, card, authenticate=scene.chance.random() < 0.8)


def pay_by_saved_card(scene: Scene) -> None:
    """Somebody pays with a card that is saved."""
    payer = scene.payer()
    customer = Customer.objects.filter(organisation_id=payer).first()
    if customer is None or not customer.stripe_id:
        return
    for card in gateway.payment_methods_list(customer.stripe_id)[:1]:
        deposit = deposit_create(
            organisation_id=payer,
            amount_nano_usd=scene.chance.randrange(10, 100) * NANO_PER_USD,
            method=Deposit.Method.CARD,
            payment_method_id=card.id,
            now=scene.now(),
        )
        deposit_step(deposit_id=deposit.id, now=scene.now())


def confirm(scene: Scene) -> None:
    """Somebody answers what their bank asks."""
    deposit = _deposit(scene, state="requires_action")
    if deposit is not None:
        scene.double.authenticate(deposit.action_url, scene.chance.random() < 0.8)


def take_back(scene: Scene) -> None:
    """Somebody wants unspent money back: a part, or all."""
    messages_arrive(scene.now())
    part = scene.chance.randrange(1, 50) * NANO_PER_USD if scene.chance.random() < 0.7 else None
    refund_create(organisation_id=scene.payer(), amount_nano_usd=part, now=scene.now())


def refund_at_stripe(scene: Scene) -> None:
    """An operator refunds a payment at Stripe, without us."""
    deposit = _deposit(scene, state="succeeded")
    if deposit is not None:
        gateway.refund_create(
            key=f"chaos:{deposit.id}:{scene.chance.random()}",
            payment_id=str(deposit.payment_intent_id),
            amount_cents=scene.chance.randrange(1, 1_000),
            metadata={},
        )


def bank_sends_refund_back(scene: Scene) -> None:
    """A bank does not take a refund, also one that had arrived."""
    refund = Refund.objects.filter(organisation_id__in=scene.payers, stripe_refund_id__isnull=False).last()
    if refund is not None:
        scene.double.control(f"refunds/{refund.stripe_refund_id}", status="failed")


def dispute(scene: Scene) -> None:
    """A cardholder has a payment taken back, all that is left of it or a part."""
    deposit = _deposit(scene, state="succeeded")
    if deposit is not None:
        part = {"amount": scene.chance.randrange(1, 1_000)} if scene.chance.random() < 0.3 else {}
        scene.double.attempt(f"charges/{deposit.charge_id}/dispute", **part)


def decide_dispute(scene: Scene) -> None:
    """A bank decides, or changes its mind."""
    found = list(Dispute.objects.filter(organisation_id__in=scene.payers).order_by("id"))
    if found:
        chosen = scene.chance.choice(found).stripe_dispute_id
        how = scene.chance.choice(("win", "win", "lose", "reinstate"))
        scene.double.attempt(f"disputes/{chosen}/{how}")
