"""What a connected account looks like."""

from typing import Any

from stripe_double.world import Json, World

# What Stripe asks of a new Express account that receives transfers.
NEEDED = [
    "business_profile.product_description",
    "business_type",
    "external_account",
    "representative.first_name",
    "representative.last_name",
    "tos_acceptance.date",
    "tos_acceptance.ip",
]


def requirements(needed: list[str]) -> Json:
    """Return the requirements of an account from which these fields are due."""
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(needed),
        "disabled_reason": "requirements.past_due" if needed else None,
        "errors": [],
        "eventually_due": list(needed),
        "past_due": list(needed),
        "pending_verification": [],
    }


def new_account(world: World, country: str, capabilities: dict[str, Any]) -> Json:
    """Return a new Express account, which can do nothing before it is onboarded."""
    identifier = world.new_id("acct", 16)
    return {
        "id": identifier,
        "object": "account",
        "business_profile": _profile(),
        "business_type": None,
        "capabilities": dict.fromkeys(capabilities, "inactive"),
        "charges_enabled": False,
        "controller": {
            "fees": {"payer": "application_express"},
            "is_controller": True,
            "losses": {"payments": "application"},
            "requirement_collection": "stripe",
            "stripe_dashboard": {"type": "express"},
            "type": "application",
        },
        "country": country,
        "created": world.second(),
        "default_currency": "usd",
        "details_submitted": False,
        "email": None,
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/accounts/{identifier}/external_accounts",
        },
        "future_requirements": requirements([]),
        "metadata": {},
        "payouts_enabled": False,
        "requirements": requirements(NEEDED),
        "settings": _settings(),
        "tos_acceptance": {"date": None},
        "type": "express",
    }


def _profile() -> Json:
    names = ("mcc", "name", "product_description", "support_address", "support_email", "support_phone", "url")
    return dict.fromkeys((*names, "annual_revenue", "estimated_worker_count", "support_url"))


def _settings() -> Json:
    prefixes = ("statement_descriptor_prefix_kana", "statement_descriptor_prefix_kanji")
    return {
        "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": dict.fromkeys(("statement_descriptor_prefix", *prefixes)),
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "payments": dict.fromkeys(("statement_descriptor", *prefixes)),
        "payouts": {
            "debit_negative_balances": False,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
    }
