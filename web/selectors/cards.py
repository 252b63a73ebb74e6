"""Saved cards as choices of a form. They are kept at Stripe, which is asked."""

import uuid

from billing.services.payment_methods import payment_method_list
from core.errors import CuxError
from cux.wire.payments import PaymentMethodView


def card_list(organisation_id: uuid.UUID) -> list[PaymentMethodView] | None:
    """Return the saved cards, the default first; None if Stripe does not say."""
    try:
        cards = payment_method_list(organisation_id=organisation_id)
    except CuxError:
        return None
    return sorted(cards, key=lambda card: not card.is_default)


def card_choices(organisation_id: uuid.UUID) -> list[tuple[str, str]]:
    """Return the saved cards as (id, label), the default first; none if Stripe does not say."""
    return [(card.payment_method, card_name(card)) for card in card_list(organisation_id) or []]


def card_name(card: PaymentMethodView) -> str:
    """Return how people know a card: `Visa ending in 4242, until 12/2040`."""
    return f"{card.brand.title()} ending in {card.last4}, until {card.exp_month:02d}/{card.exp_year}"
