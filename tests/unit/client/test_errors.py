"""Every refusal becomes an exception of its kind that carries what the exchange said."""

import httpx
import pytest

from cux.client import (
    AuthenticationError,
    ConflictError,
    CuxAPIError,
    InsufficientFundsError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    UnavailableError,
)
from tests.unit.client.exchange import Script, refused

ONCE = RetryPolicy(retries=0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (402, InsufficientFundsError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, InvalidRequestError),
        (422, InvalidRequestError),
        (429, RateLimitedError),
        (500, ServerError),
        (502, ServerError),
        (503, UnavailableError),
    ],
)
def test_the_status_decides_the_kind(status: int, kind: type[CuxAPIError]) -> None:
    answer = refused(status, "some_code", type="some_error", retry_after="4")
    with Script(answer).client(retry=ONCE) as client, pytest.raises(CuxAPIError) as caught:
        client.balance_get()
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.type, error.code, error.message) == (status, "some_error", "some_code", "No.")
    assert (error.param, error.request_id, error.retry_after_s) == ("price_ticks", "req_1", 4)


def test_an_answer_of_something_in_between_is_an_error_too() -> None:
    page = httpx.Response(502, text="<h1>Bad gateway</h1>")
    with Script(page).client() as client, pytest.raises(ServerError) as caught:
        client.balance_get()
    assert (caught.value.code, caught.value.message) == ("http_502", "HTTP 502: <h1>Bad gateway</h1>")


def test_a_redirect_is_no_success() -> None:
    moved = httpx.Response(302, headers={"Location": "http://elsewhere/"})
    script = Script(moved)
    with script.client() as client, pytest.raises(CuxAPIError, match=r"HTTP 302"):
        client.balance_get()
    assert len(script.requests) == 1
