"""Tables of the ledger, and of the money that comes and goes. Only billing imports them."""

from billing.models.account import Account, Balance
from billing.models.account_day import AccountDay, DaysRolled
from billing.models.auto_top_up import AutoTopUp
from billing.models.billing_profile import BillingProfile
from billing.models.budget import Budget, BudgetReservation, BudgetWindow
from billing.models.card_lot import CardLot, CardPassing, CardSpend
from billing.models.charge import Charge
from billing.models.checkpoint import Checkpoint
from billing.models.customer import Customer
from billing.models.deposit import Deposit
from billing.models.dispute import Dispute, DisputeTaking
from billing.models.document import Document, DocumentCounter, DocumentLine
from billing.models.entry import Entry, Transfer
from billing.models.hold import Hold
from billing.models.money_action import MoneyAction
from billing.models.money_stop import MoneyStop
from billing.models.payee import Payee
from billing.models.payout import Payout
from billing.models.reconciliation import Reconciliation
from billing.models.refund import Refund
from billing.models.seal import Head, Seal, SealPart
from billing.models.stripe_event import StripeCursor, StripeEvent
from billing.models.tax_rate import TaxRate
from billing.models.usage_receipt import UsageReceipt

__all__ = [
    "Account",
    "AccountDay",
    "AutoTopUp",
    "Balance",
    "BillingProfile",
    "Budget",
    "BudgetReservation",
    "BudgetWindow",
    "CardLot",
    "CardPassing",
    "CardSpend",
    "Charge",
    "Checkpoint",
    "Customer",
    "DaysRolled",
    "Deposit",
    "Dispute",
    "DisputeTaking",
    "Document",
    "DocumentCounter",
    "DocumentLine",
    "Entry",
    "Head",
    "Hold",
    "MoneyAction",
    "MoneyStop",
    "Payee",
    "Payout",
    "Reconciliation",
    "Refund",
    "Seal",
    "SealPart",
    "StripeCursor",
    "StripeEvent",
    "TaxRate",
    "Transfer",
    "UsageReceipt",
]
