"""Parsing bodies, and the plain helpers of the ASGI handlers."""

import msgspec
import pytest

from api.http import Request, event, parse_json
from api.routing import MethodNotAllowed, Route, find
from core.errors import Code, CuxError
from cux.wire.orders import NewOrder

ORDER = {"instrument": "m-spot", "side": "buy", "quantity_lots": 5, "price_ticks": 10}


def refusal_of(body: bytes) -> tuple[Code, str | None]:
    with pytest.raises(CuxError) as refused:
        parse_json(body, NewOrder)
    return refused.value.code, refused.value.param


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"{'a': 1}", b'{"quantity_lots": NaN}', b"[" * 100_000]
)
def test_what_is_not_json_is_malformed_or_not_an_object(body):
    assert refusal_of(body)[0] in (Code.MALFORMED_JSON, Code.INVALID_FIELD)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("side", "hold"),
        ("side", None),
        ("quantity_lots", "5"),
        ("quantity_lots", True),
        ("quantity_lots", 0),
        ("price_ticks", 10.5),
        ("price_ticks", "10"),
        ("post_only", 1),
        ("client_order_id", "with space"),
        ("instrument", ""),
        ("organisation_id", "somebody else"),
    ],
)
def test_a_bad_or_unknown_field_is_refused_by_name(field, value):
    assert refusal_of(msgspec.json.encode({**ORDER, field: value})) == (Code.INVALID_FIELD, field)


def test_a_missing_field_is_refused_by_name():
    body = {name: value for name, value in ORDER.items() if name != "side"}
    assert refusal_of(msgspec.json.encode(body)) == (Code.INVALID_FIELD, "side")


@pytest.mark.parametrize("number", [b"9223372036854775808", b"-9223372036854775809", b"9" * 400, b"1e400"])
def test_a_number_beyond_64_bits_is_too_large(number):
    body = b'{"instrument":"m","side":"buy","quantity_lots":1,"price_ticks":' + number + b"}"
    assert refusal_of(body) == (Code.NUMBER_TOO_LARGE, "price_ticks")


async def nobody(request: Request):
    raise AssertionError("not called")


ROUTES = (Route("/v1/orders/{order_id}", {"DELETE": nobody}, django=frozenset({"GET"})),)


def test_a_path_is_matched_whole_and_gives_its_parts():
    found = find(ROUTES, "DELETE", "/v1/orders/ord_1")
    assert found is not None
    assert found[1] == {"order_id": "ord_1"}
    assert find(ROUTES, "DELETE", "/v1/orders/ord_1/more") is None
    assert find(ROUTES, "DELETE", "/v1/orders/") is None


def test_methods_that_django_answers_go_to_django_and_others_are_refused():
    assert find(ROUTES, "GET", "/v1/orders/ord_1") is None
    with pytest.raises(MethodNotAllowed) as refused:
        find(ROUTES, "PATCH", "/v1/orders/ord_1")
    assert refused.value.allowed == "DELETE, GET"


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "naïve", "line\nbreak"])
def test_an_idempotency_key_out_of_form_is_refused(key):
    request = Request({"headers": [(b"idempotency-key", key.encode("latin-1"))]}, nobody)
    with pytest.raises(CuxError) as refused:
        request.idempotency_key()
    assert (refused.value.code, refused.value.param) == (Code.INVALID_FIELD, "Idempotency-Key")


def test_an_idempotency_key_of_255_characters_is_taken():
    request = Request({"headers": [(b"idempotency-key", b"k" * 255)]}, nobody)
    assert request.idempotency_key() == "k" * 255


def test_an_event_is_framed_for_event_source():
    assert event({"a": 1}, name="book", event_id="7") == b'event: book\nid: 7\ndata: {"a":1}\n\n'
