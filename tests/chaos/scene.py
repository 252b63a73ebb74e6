"""Where a sequence plays: a double of Stripe, our application behind real webhooks, people, and the time."""

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.test import override_settings

from billing.ledger.chart import Kind, of_house
from billing.selectors.balances import posted
from core.clock import utc_now
from tests import builders
from tests.integration.api.conftest import web_process
from tests.stripe import StripeDouble, running_double

CROWD = 2


@dataclass
class Scene:
    """One sequence: its chance, its people, and what the books said when it began."""

    seed: int
    double: StripeDouble
    clearing_before: int
    chance: random.Random = field(init=False)
    payers: list[uuid.UUID] = field(default_factory=list)
    providers: list[uuid.UUID] = field(default_factory=list)
    # How far the clock was moved, and money of the house's own that it sent to Stripe.
    ahead: timedelta = timedelta()
    topped_up_cents: int = 0

    def __post_init__(self) -> None:
        """Begin with chance of one's own."""
        self.chance = random.Random(self.seed)

    def now(self) -> datetime:
        """Return the time that our services are told."""
        return utc_now() + self.ahead

    def advance(self, seconds: int) -> None:
        """Let time pass, for Stripe and for us; what falls due at Stripe happens on the way."""
        self.ahead += timedelta(seconds=seconds)
        self.double.advance(seconds)

    def payer(self) -> uuid.UUID:
        """Return somebody who pays, perhaps somebody new."""
        return self._somebody(self.payers)

    def provider(self) -> uuid.UUID:
        """Return somebody who earns, perhaps somebody new."""
        return self._somebody(self.providers)

    def top_up(self, cents: int) -> None:
        """Send money of the house's own to Stripe, so that transfers need not wait for cards."""
        self.topped_up_cents += cents
        self.double.control("top_up/platform", amount=cents)

    def _somebody(self, crowd: list[uuid.UUID]) -> uuid.UUID:
        if not crowd or (len(crowd) < CROWD and self.chance.random() < 0.3):
            crowd.append(builders.organisation("chaos").id)
        return self.chance.choice(crowd)


@contextmanager
def stage() -> Iterator[StripeDouble]:
    """Run a double of Stripe, and a web process of ours that takes its webhooks."""
    with (
        running_double() as double,
        override_settings(STRIPE_API_BASE=double.url),
        web_process(STRIPE_API_BASE=double.url) as web,
    ):
        double.endpoint(f"{web}/webhooks/stripe", settings.STRIPE_WEBHOOK_SECRETS[0])
        yield double


def scene(seed: int, double: StripeDouble) -> Scene:
    """Return a new scene on this stage."""
    double.reset()
    return Scene(seed, double, posted(of_house(Kind.STRIPE_CLEARING)))
