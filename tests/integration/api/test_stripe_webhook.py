"""Stripe's events over HTTP: the body as it came, 200 once it is noted, 400 for what is not signed."""

import json
import time
import uuid

import httpx
import pytest
import stripe
from django.conf import settings

from billing.models import StripeEvent
from core.errors import Code
from tests.integration.api.test_errors import assert_error

pytestmark = pytest.mark.usefixtures("db")


def test_the_body_is_verified_byte_for_byte(web_url):
    event = {
        "id": f"evt_{uuid.uuid4().hex}",
        "type": "thing.updated",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"object": "thing", "id": "obj_1"}},
        "note": "ünïcode  and   spaces",
    }
    body = json.dumps(event, indent=3, ensure_ascii=False)
    header = stripe.WebhookSignature.generate_signature_header(body, settings.STRIPE_WEBHOOK_SECRETS[0])
    url = f"{web_url}/webhooks/stripe"
    for _ in range(2):
        answer = httpx.post(url, content=body.encode(), headers={"Stripe-Signature": header})
        assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert StripeEvent.objects.filter(event_id=event["id"]).count() == 1


def test_an_unsigned_event_is_refused_in_the_one_shape(web_url):
    answer = httpx.post(f"{web_url}/webhooks/stripe", content=b"{}")
    assert_error(answer, Code.WEBHOOK_SIGNATURE_INVALID)
