"""What a provider has earned and is paid, as its people see it."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings

from accounts.selectors import has_second_factor
from billing.ledger.chart import Kind, of_organisation
from billing.rules.payouts import whole_cents
from billing.selectors.at_risk import at_risk_by_day
from billing.selectors.balances import balances
from billing.selectors.debts import debt_of
from billing.selectors.hold_back import hold_back_by_day
from billing.selectors.payout_views import payout_list
from billing.services.payee_start import payee_shown
from core.errors import Code, CuxError
from cux.wire.payouts import PayeeView, PayoutView
from inference.services.hold_backs_mature import hold_back_period_of

SHOWN = 20
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PayoutsPage:
    """Money in nano-USD; lists are of days (UTC) from which on so much can be paid out, the soonest first.

    `payee` is None before anybody was named, and while `is_silent`: the payment service does not answer.
    """

    payable: int
    at_risk: list[tuple[date, int]]
    held_back: list[tuple[date, int]]
    debt: int
    least: int
    payee: PayeeView | None
    is_silent: bool
    has_second_factor: bool
    payouts: list[PayoutView]

    @property
    def at_risk_total(self) -> int:
        """Return what is set aside for card payments."""
        return sum(amount for _, amount in self.at_risk)

    @property
    def held_back_total(self) -> int:
        """Return what is held back."""
        return sum(amount for _, amount in self.held_back)

    @property
    def can_be_paid(self) -> bool:
        """Tell whether a payout could be made now."""
        is_active = self.payee is not None and self.payee.status == "active"
        is_free = not any(payout.status == "blocked" for payout in self.payouts)
        return is_active and is_free and not self.debt and self.payable >= self.least


def payouts_page(*, organisation_id: uuid.UUID, now: datetime) -> PayoutsPage:
    """Return what the payouts' page shows. Stripe is asked while nobody can be paid yet."""
    hold_back = hold_back_period_of(organisation_id=organisation_id)
    days = hold_back_by_day(organisation_id=organisation_id, since=now - hold_back - _DAY)
    earnings = of_organisation(Kind.EARNINGS, organisation_id)
    payee, is_silent = _payee(organisation_id, hold_back, now)
    return PayoutsPage(
        payable=whole_cents(max(0, balances([earnings])[earnings].available)),
        at_risk=at_risk_by_day(organisation_id),
        held_back=[(day + hold_back + _DAY, amount) for day, amount in days],
        debt=debt_of(organisation_id),
        least=settings.PAYOUT_MIN_NANO_USD,
        payee=payee,
        is_silent=is_silent,
        has_second_factor=has_second_factor(organisation_id),
        payouts=payout_list(organisation_id=organisation_id, limit=SHOWN),
    )


def _payee(organisation_id: uuid.UUID, hold_back: timedelta, now: datetime) -> tuple[PayeeView | None, bool]:
    """Return the payee, if there is one, and whether Stripe was silent about it."""
    try:
        return payee_shown(organisation_id=organisation_id, hold_back=hold_back, now=now), False
    except CuxError as error:
        if error.code is Code.NOT_FOUND:
            return None, False
        return None, True
