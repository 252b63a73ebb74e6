"""A live market asks the real Stripe, unless somebody says that the double is meant."""

import pytest

from billing.checks import stripe_is_meant


@pytest.mark.parametrize(
    ("mode", "key", "double", "refused"),
    [
        ("live", "", None, ["cux.E001"]),
        ("live", "sk_live_1", None, []),
        ("live", "", "http://stripe:8002", []),
        ("test", "", None, []),
    ],
)
def test_test_cards_pay_on_a_live_market_only_if_that_is_meant(
    settings, monkeypatch, mode, key, double, refused
):
    settings.MARKET_MODE, settings.STRIPE_API_KEY = mode, key
    monkeypatch.delenv("CUX_STRIPE_DOUBLE_URL", raising=False)
    if double:
        monkeypatch.setenv("CUX_STRIPE_DOUBLE_URL", double)
    assert [problem.id for problem in stripe_is_meant()] == refused
