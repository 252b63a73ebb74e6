"""Stripe, as CUX sees it: the only package that imports the SDK.

One function per call, frozen dataclasses out, integer cents in and out. Whatever changes something takes
an explicit idempotency key; nothing is retried here, since the step machines retry. Failures are of one
small closed set (`failures`). The version of Stripe's API is pinned (`client.API_VERSION`).
"""

from billing.stripe_gateway.checkout import (
    CheckoutLine,
    CheckoutSession,
    checkout_expire,
    checkout_get,
    checkout_open,
    setup_open,
)
from billing.stripe_gateway.client import API_VERSION, is_live
from billing.stripe_gateway.connect import (
    ConnectAccount,
    Transfer,
    TransferReversal,
    account_create,
    account_get,
    account_link_create,
    reversals_of_transfer,
    transfer_create,
    transfer_get,
    transfer_of_reversal,
    transfer_reverse,
    transfers_of_group,
)
from billing.stripe_gateway.customers import (
    Customer,
    PaymentMethod,
    customer_create,
    customer_get,
    customer_set_default,
    payment_method_detach,
    payment_method_get,
    payment_methods_list,
    setup_get,
)
from billing.stripe_gateway.disputes import Dispute, dispute_close, dispute_get, disputes_of_payment
from billing.stripe_gateway.events import Event, event_verify, events_list
from billing.stripe_gateway.failures import Declined, Misconfigured, Refused, Unavailable
from billing.stripe_gateway.money import (
    Balance,
    BalanceTransaction,
    Payout,
    balance_get,
    balance_transactions_list,
    payout_create,
    payout_get,
    payouts_list,
)
from billing.stripe_gateway.payments import (
    Charge,
    Payment,
    payment_cancel,
    payment_create,
    payment_get,
    payment_of_charge,
    payments_of_customer,
)
from billing.stripe_gateway.refunds import Refund, refund_create, refund_get, refunds_of_payment

__all__ = [
    "API_VERSION",
    "Balance",
    "BalanceTransaction",
    "Charge",
    "CheckoutLine",
    "CheckoutSession",
    "ConnectAccount",
    "Customer",
    "Declined",
    "Dispute",
    "Event",
    "Misconfigured",
    "Payment",
    "PaymentMethod",
    "Payout",
    "Refund",
    "Refused",
    "Transfer",
    "TransferReversal",
    "Unavailable",
    "account_create",
    "account_get",
    "account_link_create",
    "balance_get",
    "balance_transactions_list",
    "checkout_expire",
    "checkout_get",
    "checkout_open",
    "customer_create",
    "customer_get",
    "customer_set_default",
    "dispute_close",
    "dispute_get",
    "disputes_of_payment",
    "event_verify",
    "events_list",
    "is_live",
    "payment_cancel",
    "payment_create",
    "payment_get",
    "payment_method_detach",
    "payment_method_get",
    "payment_methods_list",
    "payment_of_charge",
    "payments_of_customer",
    "payout_create",
    "payout_get",
    "payouts_list",
    "refund_create",
    "refund_get",
    "refunds_of_payment",
    "reversals_of_transfer",
    "setup_get",
    "setup_open",
    "transfer_create",
    "transfer_get",
    "transfer_of_reversal",
    "transfer_reverse",
    "transfers_of_group",
]
