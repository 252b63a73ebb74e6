"""The client repeats only what does no more when done twice, and then it is the same request."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from cux.client import CuxConnectionError, InvalidAnswerError, RetryPolicy, UnavailableError
from cux.client.call import Call
from cux.client.calls import account
from cux.client.errors import RateLimitedError, ServerError
from tests.unit.client.exchange import AT_ONCE, BOOK, ORDER, Script, ok, refused

LOST = httpx.ConnectError("connection refused")


def busy() -> httpx.Response:
    return refused(503, "sequencer_busy", type="unavailable_error", retry_after="0")


def test_an_order_is_repeated_under_the_key_it_was_first_sent_with() -> None:
    script = Script(LOST, busy(), ok(ORDER))
    with script.client() as client:
        order = client.order_place("x", "buy", quantity_lots=5, price_ticks=2_000)
    assert order.order_id == "ord_1"
    assert len(script.requests) == 3
    assert len(set(script.keys)) == 1
    assert len(str(script.keys[0])) == 32
    assert len({request.content for request in script.requests}) == 1


def test_two_orders_have_two_keys_and_a_key_of_the_caller_is_used() -> None:
    script = Script(ok(ORDER), ok(ORDER), ok(ORDER))
    with script.client() as client:
        client.order_place("x", "buy", quantity_lots=5, price_ticks=2_000)
        client.order_place("x", "buy", quantity_lots=5, price_ticks=2_000)
        client.order_cancel("ord_1", idempotency_key="mine")
    assert script.keys[0] != script.keys[1]
    assert script.keys[2] == "mine"


def test_the_asynchronous_client_repeats_likewise() -> None:
    script = Script(LOST, busy(), ok(ORDER))

    async def place() -> str:
        async with script.async_client() as client:
            return (await client.order_place("x", "buy", quantity_lots=5, price_ticks=2_000)).order_id

    assert asyncio.run(place()) == "ord_1"
    assert len(script.requests) == 3
    assert len(set(script.keys)) == 1


def test_reading_is_repeated_without_a_key() -> None:
    script = Script(LOST, ok(BOOK))
    with script.client() as client:
        assert client.book_get("x").seq == 7
    assert script.keys == [None, None]


def test_a_post_without_a_key_is_sent_once() -> None:
    script = Script(LOST)
    bare: Call[object] = replace(
        account.order_place("x", "buy", quantity_lots=1, price_ticks=1), idempotency_key=None
    )
    with script.client() as client, pytest.raises(CuxConnectionError):
        client.send(bare)
    assert len(script.requests) == 1


def test_a_quote_changes_nothing_and_is_repeated() -> None:
    quote = {"model": "m", "compute_class": "c", "card_hash": "h", "prompt_tokens": 3, "max_tokens": 5}
    script = Script(busy(), ok(quote | {"quote_ucu": 9}))
    with script.client() as client:
        assert client.quote_create("m", "hello").quote_ucu == 9
    assert len(script.requests) == 2


def test_it_gives_up_after_the_last_retry_with_the_last_error() -> None:
    script = Script(LOST, LOST, LOST, busy())
    with script.client() as client, pytest.raises(UnavailableError):
        client.book_get("x")
    assert len(script.requests) == 4


@pytest.mark.parametrize("status", [400, 402, 409, 500, 502, 504])
def test_what_waiting_does_not_help_is_not_repeated(status: int) -> None:
    script = Script(refused(status, "no"))
    with script.client() as client, pytest.raises(Exception, match="No"):
        client.book_get("x")
    assert len(script.requests) == 1


def test_an_answer_that_cannot_be_read_is_not_asked_for_again() -> None:
    script = Script(ok({"seq": "many"}))
    with script.client() as client, pytest.raises(InvalidAnswerError):
        client.book_get("x")
    assert len(script.requests) == 1


def refusal(retry_after_s: int | None) -> RateLimitedError:
    return RateLimitedError(
        status=429, type="rate_limit_error", code="rate_limited", message="No.", retry_after_s=retry_after_s
    )


def test_the_exchange_says_how_long_to_wait_unless_that_is_too_long() -> None:
    call = account.balance_get()
    policy = RetryPolicy(longest_pause_s=30)
    assert policy.pause_s(call, refusal(12), 0) == 12
    assert policy.pause_s(call, refusal(31), 0) is None
    assert AT_ONCE.pause_s(call, refusal(None), 3) is None


def test_our_own_pause_doubles_up_to_the_longest() -> None:
    policy = RetryPolicy(retries=9, first_pause_s=1, longest_pause_s=3)
    for attempt, longest in enumerate([1, 2, 3, 3]):
        pause = policy.pause_s(account.balance_get(), refusal(None), attempt)
        assert pause is not None
        assert longest / 2 <= pause <= longest


def test_a_failure_of_the_exchange_itself_is_told_at_once() -> None:
    error = ServerError(status=500, type="api_error", code="internal", message="No.")
    assert AT_ONCE.pause_s(account.balance_get(), error, 0) is None
