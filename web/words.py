"""States of money in people's words."""

from typing import Final

STATES: Final[dict[str, dict[str, str]]] = {
    "deposit": {
        "pending": "being sent",
        "open": "waiting for payment",
        "requires_action": "to be confirmed",
        "succeeded": "paid",
        "failed": "declined",
        "expired": "not paid in time",
    },
    "refund": {
        "pulling": "leaving the wallet",
        "held": "about to be sent",
        "pending": "at the bank",
        "succeeded": "sent to the card",
        "failed": "failed, back in the wallet",
        "returned": "sent back by the bank",
    },
    "dispute": {
        "inquiry": "the bank asks",
        "inquiry_closed": "question closed",
        "open": "disputed",
        "won": "won",
        "lost": "lost",
    },
    "payee": {
        "onboarding": "not set up",
        "restricted": "more is needed",
        "bank_failed": "bank account failed",
        "active": "active",
    },
    "payout": {
        "blocked": "being reviewed",
        "decided": "begun",
        "transferred": "at the payment service",
        "paid_out": "on its way to the bank",
        "paid": "paid",
        "failed": "failed, coming back",
        "returned": "back in the earnings",
        "reversed": "taken back at the payment service",
        "kept": "taken back at the payment service",
    },
}
"""What each state of each kind of thing is called on the pages."""

BLOCKED_BECAUSE: Final = {
    "same_organisation": "Money that you paid in by card yourself would be paid out to you.",
    "same_card": "A card that you paid in with also paid for what you sold.",
    "same_bank": "Somebody who bought from you is paid out to the same bank account.",
    "same_address": "Somebody who bought from you paid with a card registered at your address.",
    "pass_through": "Most of what was lately paid in by card came straight to you.",
}
"""Why a payout waits for two of our people."""


_ENTRIES: Final = {
    "deposit": "paid in",
    "wallet.to_transit": "moved towards the wallet",
    "fund": "arrived in the wallet",
    "defund": "taken out of the wallet",
    "trade": "compute traded",
    "settle": "job charged",
    "expire": "compute expired unused",
    "bust": "trade undone",
    "split": "compute offered for resale",
    "resale_fees": "fees of a resale",
    "refund": "refunded to the card",
    "refund_returned": "refund sent back by the bank",
    "dispute": "payment disputed",
    "dispute_won": "dispute decided for you",
    "debt_captured": "taken for a disputed payment",
    "debt_repaid": "repaid for a disputed payment",
    "payout": "paid out",
    "payout_returned": "payout that came back",
    "hold_back_matured": "hold-back released",
    "cover": "replacement for a provider that failed",
    "cover_top_up": "replacement paid from the hold-back",
    "cover_close": "replacement settled",
    "public_access": "given for public access",
    "credit_note": "credited: compute not delivered",
    "service_credit": "credited: outage of the exchange",
    "money_action": "corrected by the exchange",
    "claw_back": "hold-back taken: answers failed verification",
    "claw_back_return": "hold-back given back after an appeal",
    "verification_credit": "credited: answers failed verification",
}
_ACCOUNTS: Final = {
    "funding": "money outside the wallet",
    "hold_back": "hold-back",
    "dispute_debt": "owed for disputes",
    "escrow": "set aside for compute",
    "transit": "on its way",
    "deferred_fees": "fees set aside",
    "fee_income": "fees",
    "insurance": "the exchange's insurance",
    "public_access": "public access fund",
    "external_cash": "outside, not by card",
    "stripe_clearing": "the card company",
    "stripe_fees": "card fees",
    "payouts_in_transit": "on its way to the bank",
    "tax": "tax",
}


def entry_word(kind: str) -> str:
    """Return what people call the ledger's entries of a kind."""
    return _ENTRIES.get(kind, kind.replace("_", " "))


def account_word(kind: str) -> str:
    """Return what people call a kind of the ledger's accounts."""
    return _ACCOUNTS.get(kind, kind.replace("_", " "))


def state_word(status: str, kind: str) -> str:
    """Return what a state of a kind of thing is called."""
    return STATES[kind].get(status, status.replace("_", " "))


_NEEDS: Final = {
    "external_account": "your bank account",
    "tos_acceptance": "that you agree to the payment service's terms",
    "business_profile": "what you do",
    "business_type": "whether you are a person or a company",
    "individual": "who you are",
    "representative": "who represents you",
    "owners": "who owns you",
    "directors": "who your directors are",
    "company": "your company",
    "settings": "how payouts are to look",
}


def needs_words(requirements: list[str]) -> list[str]:
    """Return what the payment service still wants to know, each thing once."""
    return list(dict.fromkeys(_NEEDS.get(name.partition(".")[0], name) for name in requirements))
