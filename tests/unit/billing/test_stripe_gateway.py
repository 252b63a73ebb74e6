"""The gateway without a server: whose signature it believes, and what becomes of failures."""

import json
import time

import pytest
import stripe

from billing import stripe_gateway as gateway
from billing.stripe_gateway.failures import asking
from core.errors import Code

SECRETS = ["whsec_old", "whsec_new"]
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "charge.refunded",
    "created": 1_700_000_000,
    "livemode": False,
    "data": {"object": {"object": "charge", "id": "ch_1"}},
}
BODY = json.dumps(EVENT).encode()


def signed(body: bytes = BODY, secret: str = SECRETS[1], *, age_s: int = 0) -> str:
    """Return the header that Stripe would send with a body."""
    at = int(time.time()) - age_s
    return str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at))


@pytest.mark.parametrize("secret", SECRETS)
def test_an_event_signed_with_either_secret_is_read(secret):
    event = gateway.event_verify(BODY, signed(secret=secret), SECRETS)
    assert event is not None
    assert (event.id, event.object_kind, event.object_id, event.account) == ("evt_1", "charge", "ch_1", "")
    assert event.created_at.timestamp() == 1_700_000_000


def test_an_event_is_believed_for_300_seconds():
    assert gateway.event_verify(BODY, signed(age_s=290), SECRETS) is not None
    assert gateway.event_verify(BODY, signed(age_s=310), SECRETS) is None


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        pytest.param(BODY, None, id="unsigned"),
        pytest.param(BODY, "", id="empty"),
        pytest.param(BODY, "t=abc,v1=00", id="no time"),
        pytest.param(BODY, "v1=00", id="no time at all"),
        pytest.param(BODY, f"t={int(time.time())}", id="no signature"),
        pytest.param(BODY, f"t={int(time.time())},v1=é", id="not ASCII"),
        pytest.param(b"\xff\xfe", "t=1,v1=00", id="no text"),
    ],
)
def test_what_is_not_signed_is_refused(body, signature):
    assert gateway.event_verify(body, signature, SECRETS) is None


def test_another_secret_another_body_and_no_secret_are_refused():
    assert gateway.event_verify(BODY, signed(secret="whsec_theirs"), SECRETS) is None
    assert gateway.event_verify(BODY + b" ", signed(), SECRETS) is None
    assert gateway.event_verify(BODY, signed(secret="x"), []) is None


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", json.dumps(EVENT | {"id": "e\0"}).encode()])
def test_what_is_signed_and_no_event_is_refused(body):
    assert gateway.event_verify(body, signed(body), SECRETS) is None


def becomes(error: stripe.StripeError) -> Exception:
    """Return what the gateway makes of an error of the SDK's."""

    def failing() -> None:
        raise error

    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is what is asked
        asking(failing)
    return raised.value


def test_a_decline_says_why_and_which_payment():
    body = {"error": {"decline_code": "insufficient_funds", "payment_intent": {"id": "pi_1"}}}
    declined = becomes(stripe.CardError("Not enough money.", None, "card_declined", json_body=body))
    assert isinstance(declined, gateway.Declined)
    assert (declined.code, declined.message, declined.payment_id) == (
        "insufficient_funds",
        "Not enough money.",
        "pi_1",
    )


def test_a_refusal_keeps_stripes_code():
    refused = becomes(stripe.InvalidRequestError("Refunded before.", None, "charge_already_refunded"))
    assert isinstance(refused, gateway.Refused)
    assert refused.code == "charge_already_refunded"


@pytest.mark.parametrize(
    "error", [stripe.AuthenticationError("no"), stripe.PermissionError("no"), stripe.IdempotencyError("no")]
)
def test_a_wrong_key_is_for_operators(error):
    assert isinstance(becomes(error), gateway.Misconfigured)


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        pytest.param(stripe.APIConnectionError("time-out"), False, id="no answer"),
        pytest.param(stripe.RateLimitError("slower", http_status=429), False, id="too fast"),
        pytest.param(stripe.APIError("in use", http_status=409), False, id="key in use"),
        pytest.param(stripe.APIError("oops", http_status=500), True, id="kept under its key"),
    ],
)
def test_no_answer_leaves_open_whether_it_was_done(error, is_kept):
    unavailable = becomes(error)
    assert isinstance(unavailable, gateway.Unavailable)
    assert (unavailable.code, unavailable.is_kept) == (Code.DEPENDENCY_UNAVAILABLE, is_kept)
