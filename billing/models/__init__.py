"""Tables of the ledger and of what is written about it. Only billing imports them."""

from billing.models.account import Account, Balance
from billing.models.billing_profile import BillingProfile
from billing.models.card_lot import CardLot, CardSpend
from billing.models.entry import Entry, Transfer
from billing.models.hold import Hold
from billing.models.tax_rate import TaxRate

__all__ = [
    "Account",
    "Balance",
    "BillingProfile",
    "CardLot",
    "CardSpend",
    "Entry",
    "Hold",
    "TaxRate",
    "Transfer",
]
