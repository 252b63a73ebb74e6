"""What a Checkout session looks like."""

from stripe_double.call import Call
from stripe_double.world import Json


def blank_session(call: Call, identifier: str) -> Json:
    """Return an open session with everything that is always the same."""
    nothing = dict.fromkeys(
        (
            "after_expiration",
            "allow_promotion_codes",
            "billing_address_collection",
            "client_secret",
            "consent",
            "consent_collection",
            "currency_conversion",
            "customer_creation",
            "customer_details",
            "invoice",
            "payment_intent",
            "payment_link",
            "payment_method_configuration_details",
            "recovered_from",
            "saved_payment_method_options",
            "setup_intent",
            "shipping_address_collection",
            "shipping_cost",
            "subscription",
        )
    )
    words = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
    return nothing | {
        "id": identifier,
        "object": "checkout.session",
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": call.params.get("cancel_url"),
        "created": call.world.second(),
        "custom_fields": [],
        "custom_text": dict.fromkeys(words),
        "livemode": False,
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "success_url": call.params["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{call.base_url}/c/pay/{identifier}",
    }
