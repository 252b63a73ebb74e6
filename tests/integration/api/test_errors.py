"""One error shape on every path, whoever answers it, with the request's id on header, body and log."""

import http.client
import json
from urllib.parse import urlsplit

import httpx
import pytest

from core.errors import Code
from tests.environment import VAR
from tests.integration.api.conftest import bearer
from tests.waiting import eventually

FIELDS = {"type", "code", "message", "param", "request_id"}


def assert_error(answer: httpx.Response, code: Code, param: str | None = None) -> None:
    """Check status, body and headers of an error."""
    assert answer.status_code == code.spec.status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == FIELDS
    assert error["type"] == code.spec.type.value
    assert (error["code"], error["param"]) == (code.wire, param)
    assert error["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/orders/", "/agent/v1/nothing", "/v1/stream/nothing", "/v1"]
)
def test_an_unknown_address_is_404(http, path):
    assert_error(http.get(path), Code.NOT_FOUND)


def test_a_browser_gets_a_page_for_an_unknown_address(http):
    answer = http.get("/nothing", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PATCH", "/v1/orders", "DELETE, GET, POST"),
        ("POST", "/v1/orders/ord_1", "DELETE, GET"),
        ("POST", "/v1/stream/account", "GET"),
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/healthz", "GET"),
        ("POST", "/v1/balances", "GET"),
        ("HEAD", "/v1/balances", "GET"),
        ("OPTIONS", "/v1/instruments", "GET"),
    ],
)
def test_another_method_is_405_and_says_which_are_allowed(http, buyer, key_of, method, path, allow):
    answer = http.request(method, path, headers=bearer(key_of(buyer).secret))
    if method == "HEAD":
        assert answer.status_code == 405
    else:
        assert_error(answer, Code.METHOD_NOT_ALLOWED)
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/quotes", "/v1/chat/completions", "/v1/nothing"])
def test_a_body_over_a_mebibyte_is_413(http, buyer, key_of, path):
    key = bearer(key_of(buyer).secret)
    assert_error(http.post(path, content=b"x" * (1024 * 1024 + 1), headers=key), Code.BODY_TOO_LARGE)


def test_a_body_that_does_not_say_its_length_is_413_when_it_grows_too_large(http, buyer, key_of):
    def chunks():
        for _ in range(17):
            yield b"x" * 65_536

    key = bearer(key_of(buyer).secret)
    assert_error(http.post("/v1/orders", content=chunks(), headers=key), Code.BODY_TOO_LARGE)


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/quotes", "/v1/chat/completions"])
def test_another_media_type_is_415(http, buyer, key_of, path):
    headers = bearer(key_of(buyer).secret) | {"Content-Type": "text/csv"}
    assert_error(http.post(path, content=b"a,b", headers=headers), Code.UNSUPPORTED_MEDIA_TYPE)


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/quotes", "/v1/chat/completions"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"nonsense"])
def test_a_body_that_is_not_json_is_400(http, buyer, key_of, path, body):
    headers = bearer(key_of(buyer).secret) | {"Content-Type": "application/json"}
    assert_error(http.post(path, content=body, headers=headers), Code.MALFORMED_JSON)


def test_an_unknown_query_parameter_is_refused_by_name(http):
    assert_error(http.get("/v1/instruments", params={"symbl": "x"}), Code.INVALID_FIELD, "symbl")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "ten", "1e2", "٣", "99999999999999999999"])
def test_a_limit_outside_1_to_200_is_refused(http, buyer, key_of, limit):
    answer = http.get("/v1/orders", params={"limit": limit}, headers=bearer(key_of(buyer).secret))
    assert_error(answer, Code.INVALID_FIELD, "limit")


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/jobs"])
@pytest.mark.parametrize("cursor", ["x", "AAAA", "é", "b3JkXzE="])
def test_a_cursor_that_was_not_given_out_is_refused(http, buyer, key_of, path, cursor):
    answer = http.get(path, params={"cursor": cursor}, headers=bearer(key_of(buyer).secret))
    assert_error(answer, Code.INVALID_FIELD, "cursor")


def test_more_query_parameters_than_django_reads_are_refused(http):
    assert_error(http.get("/v1/instruments?" + "a=1&" * 2_000), Code.INVALID_FIELD)


@pytest.mark.parametrize(
    "cookie", ["a/b=1", "a,b=1; c", 'sessionid="' + "\\000" * 32 + '"', "sessionid=" + "a" * 999]
)
def test_a_cookie_that_is_no_session_is_nobody(http, cookie):
    assert_error(http.get("/v1/stream/account", headers={"Cookie": cookie}), Code.INVALID_API_KEY)
    assert http.get("/login", headers={"Cookie": cookie}).status_code == 200


def test_a_host_that_is_not_ours_is_400(http):
    assert_error(http.get("/v1/instruments", headers={"Host": "evil.example"}), Code.INVALID_FIELD)


def test_a_request_id_is_echoed_and_one_out_of_form_is_replaced(http):
    assert http.get("/healthz", headers={"X-Request-Id": "mine-7"}).headers["x-request-id"] == "mine-7"
    assert (
        http.get("/v1/nothing", headers={"X-Request-Id": "mine-8"}).json()["error"]["request_id"] == "mine-8"
    )
    replaced = http.get("/healthz", headers={"X-Request-Id": "x" * 129}).headers["x-request-id"]
    assert replaced.startswith("req_")


def test_without_a_sequencer_an_order_is_503_with_retry_after(http, buyer, key_of):
    order = {"instrument": "x", "side": "buy", "quantity_lots": 1, "price_ticks": 1}
    answer = http.post("/v1/orders", json=order, headers=bearer(key_of(buyer).secret))
    assert_error(answer, Code.SEQUENCER_UNAVAILABLE)
    assert int(answer.headers["retry-after"]) >= 1


def test_readiness_names_what_is_down(http):
    answer = http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"postgresql": "up", "sequencer": "down", "broker": "up"}


def test_every_answer_has_one_log_line_with_its_request_id(http):
    http.get("/v1/instruments", headers={"X-Request-Id": "look-for-me"})

    def lines():
        raw = (VAR / "web.log").read_text().splitlines()
        return [json.loads(line) for line in raw if line.startswith("{") and "look-for-me" in line]

    eventually(lambda: any(line["event"] == "request" for line in lines()))
    line = next(line for line in lines() if line["event"] == "request")
    assert (line["route"], line["status"], line["method"]) == ("/v1/instruments", 200, "GET")


def test_metrics_count_by_route_and_never_by_address(http):
    http.get("/v1/instruments/there-is-no-such-one")
    counted = 'cux_http_requests_total{method="GET",route="/v1/instruments/<str:symbol>",status="404"}'
    eventually(lambda: counted in http.get("/metrics").text)  # counted once the answer is out
    text = http.get("/metrics").text
    assert "there-is-no-such-one" not in text
    for name in (
        "cux_jobs_open",
        "cux_orders_open",
        "cux_trades",
        "cux_ledger_unsealed_seconds",
        "cux_outbox_lag_seconds",
        "cux_providers_up",
        "cux_provider_circuits",
    ):
        assert f"# TYPE {name} gauge" in text


def test_headers_that_are_not_text_do_not_break_an_answer(web_url):
    parts = urlsplit(web_url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request(
        "GET", "/v1/balances", headers={"Authorization": b"Bearer \xff\xfe", "X-Request-Id": b"\xff"}
    )
    answer = connection.getresponse()
    assert answer.status == 401
    assert json.loads(answer.read())["error"]["code"] == "invalid_api_key"
    connection.close()
