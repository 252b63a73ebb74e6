"""An organisation's money as its people see it on the wallet's pages."""

import uuid
from dataclasses import dataclass

from billing.ledger.chart import Kind, of_organisation
from billing.selectors.balances import OrganisationBalance, held, organisation_balance
from billing.selectors.card_views import deposit_list, refund_list, refunding_nano_usd
from billing.selectors.debts import debt_of
from billing.selectors.payout_views import dispute_list
from cux.wire.payments import DepositView, RefundView
from cux.wire.payouts import DisputeView

SHOWN = 5


@dataclass(frozen=True, slots=True)
class WalletFigures:
    """Where an organisation's money is, nano-USD.

    `spendable` can be traded with, `held` is set aside for open orders, `arriving` is on its way to the
    wallet, `refunding` on its way back to cards, `debt` is owed for disputed payments.
    """

    balance: OrganisationBalance
    spendable: int
    held: int
    arriving: int
    refunding: int
    debt: int


@dataclass(frozen=True, slots=True)
class WalletPage:
    """What the wallet's page shows: figures, and the newest of what came and went by card."""

    figures: WalletFigures
    deposits: list[DepositView]
    refunds: list[RefundView]
    disputes: list[DisputeView]

    @property
    def has_more_deposits(self) -> bool:
        """Tell whether there are more deposits than are shown."""
        return len(self.deposits) > SHOWN


def wallet_figures(organisation_id: uuid.UUID) -> WalletFigures:
    """Return where an organisation's money is now."""
    balance = organisation_balance(organisation_id)
    set_aside = held(of_organisation(Kind.FUNDING, organisation_id))
    return WalletFigures(
        balance=balance,
        spendable=balance.wallet_posted - balance.wallet_held,
        held=balance.wallet_held,
        arriving=max(0, balance.funding - set_aside + balance.transit),
        refunding=refunding_nano_usd(organisation_id),
        debt=debt_of(organisation_id),
    )


def wallet_page(organisation_id: uuid.UUID) -> WalletPage:
    """Return what the wallet's page shows."""
    return WalletPage(
        figures=wallet_figures(organisation_id),
        deposits=deposit_list(organisation_id=organisation_id, limit=SHOWN + 1),
        refunds=refund_list(organisation_id=organisation_id, limit=SHOWN),
        disputes=dispute_list(organisation_id=organisation_id, limit=SHOWN),
    )
