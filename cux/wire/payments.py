"""Money by card: deposits, refunds, saved cards, automatic top-ups. Amounts are nano-USD in whole cents."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cux.wire.fields import Id, Instant, Int64, Positive

Url = Annotated[str, Meta(max_length=2_000, pattern=r"^https?://[\x21-\x7e]+\Z")]
StripeId = Annotated[str, Meta(max_length=255, pattern=r"^[A-Za-z0-9_]+\Z")]
"""An id that the payment service gave out."""
DepositStatus = Literal["pending", "open", "requires_action", "succeeded", "failed", "expired"]
RefundStatus = Literal["pulling", "held", "pending", "succeeded", "failed", "returned"]


class NewDeposit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pay in `amount_nano_usd`, tax on top: with a saved card at once, or on a page whose address comes back.

    `return_url` is where that page leads in the end; `save_card` keeps the card for later.
    """

    amount_nano_usd: Int64
    payment_method: StripeId | None = None
    return_url: Url | None = None
    save_card: bool = False


class DepositView(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit. An `open` one is paid at `checkout_url`; `requires_action`: confirmed at `action_url`.

    Of one that succeeded, `refunded` (asked for or done) and `disputed` are gone.
    """

    deposit_id: Id
    status: DepositStatus
    method: Literal["checkout", "card", "auto_top_up"]
    amount_nano_usd: int
    tax_nano_usd: int
    refunded_nano_usd: int
    disputed_nano_usd: int
    checkout_url: str | None
    action_url: str | None
    card_brand: str | None
    card_last4: str | None
    failure_code: str | None
    failure_message: str | None
    created_at: Instant
    finished_at: Instant | None


class NewRefund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for unspent money back: an amount, or all of it."""

    amount_nano_usd: Int64 | None = None


class RefundPartView(msgspec.Struct, frozen=True, kw_only=True):
    """What leaves the balance on account of one deposit: card = amount − fee + tax."""

    deposit_id: Id
    card_brand: str
    card_last4: str
    amount_nano_usd: int
    fee_nano_usd: int
    tax_nano_usd: int
    card_nano_usd: int


class RefundPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a refund would come to now; `most_nano_usd` is the most that could be refunded.

    `fee_nano_usd` is the part of the payment service's fee that it keeps: whoever asks bears it.
    """

    most_nano_usd: int
    amount_nano_usd: int
    fee_nano_usd: int
    tax_nano_usd: int
    card_nano_usd: int
    parts: list[RefundPartView]


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund of one deposit. Those of one request share `request_id`."""

    refund_id: Id
    request_id: Id
    deposit_id: Id
    status: RefundStatus
    amount_nano_usd: int
    fee_nano_usd: int
    tax_nano_usd: int
    card_nano_usd: int
    failure_code: str | None
    failure_message: str | None
    created_at: Instant
    finished_at: Instant | None


class PaymentMethodView(msgspec.Struct, frozen=True, kw_only=True):
    """A saved card."""

    payment_method: StripeId
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    country: str
    is_default: bool


class NewPaymentMethod(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page to save a card on; `return_url` is where it leads in the end."""

    return_url: Url | None = None


class SetupView(msgspec.Struct, frozen=True, kw_only=True):
    """The page to save a card on."""

    url: str


class AutoTopUpRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When less than `threshold` can be spent, pay in `amount` with the saved card, tax on top.

    At most `monthly_cap` in a calendar month (UTC), tax not counted.
    """

    threshold_nano_usd: Positive
    amount_nano_usd: Int64
    monthly_cap_nano_usd: Positive
    payment_method: StripeId


class AutoTopUpView(msgspec.Struct, frozen=True, kw_only=True):
    """The rules, whether they are on, and what they have paid in this month. `declines` in a row end them."""

    is_on: bool
    off_reason: Literal["owner", "declined"] | None
    threshold_nano_usd: int
    amount_nano_usd: int
    monthly_cap_nano_usd: int
    payment_method: StripeId
    declines: int
    this_month_nano_usd: int
