"""One worker waits for Stripe at a time, no transaction does, and no connection of a pool."""

import threading
from unittest import mock

import pytest
from django.db import connection, transaction

from billing import stripe_gateway as gateway
from billing.services.stripe_turn import at_stripe, stripe_turn
from tests.integration.billing.test_stripe_inbox import at_once

pytestmark = pytest.mark.usefixtures("db")


def test_a_second_does_not_wait_for_long():
    begun, over = threading.Event(), threading.Event()
    done: list[str] = []

    def hanging() -> bool:
        with stripe_turn() as ours:
            begun.set()
            assert over.wait(30)
            return ours

    def second() -> bool:
        assert begun.wait(30)
        at_stripe(lambda: done.append("second"))()
        over.set()
        return bool(done)

    assert at_once(hanging, second) == [True, False]
    at_stripe(lambda: done.append("third"))()
    assert done == ["third"]


def test_a_turn_ends_with_a_failure_and_leaves_the_session_as_it_was():
    def failing() -> None:
        raise RuntimeError("no")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            at_stripe(failing)()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("10s",)


def test_stripe_is_not_asked_inside_a_transaction():
    with transaction.atomic(), pytest.raises(RuntimeError, match="no transaction"):
        gateway.customer_get("cus_1")


def test_whoever_waits_for_stripe_leaves_the_pool_its_connection(settings):
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    settings.DATABASE_POOL = 8
    with mock.patch.object(connection, "close") as close, pytest.raises(gateway.Unavailable):
        gateway.customer_get("cus_1")
    close.assert_called_once_with()
