"""Every address × every role. The addresses come from the code: a new one without a row here fails."""

from datetime import UTC, datetime

import httpx
import pytest
import yaml
from pytest_django.plugin import DjangoDbBlocker

from accounts.services import api_key_revoke
from api import relay
from core.errors import Code
from tests.environment import ROOT
from tests.integration.api.access import PAGES, SCOPES, World, addresses, browser, make_world
from tests.integration.api.conftest import bearer, relay_process
from tests.integration.api.matrix import API, LOOKED_AT, MATRIX, OWN, POSTED, UNDOCUMENTED, For
from tests.integration.api.test_errors import assert_error
from tests.waiting import eventually

each_of_the_api = pytest.mark.parametrize("address", API, ids=" ".join)
each_page = pytest.mark.parametrize("path", [path for kind, path in MATRIX if kind == PAGES])


@pytest.fixture(scope="module")
def world(exchange_url: str, django_db_blocker: DjangoDbBlocker) -> World:
    """Return a world of everybody who may ask, and of things to ask about."""
    with django_db_blocker.unblock():
        return make_world()


@pytest.fixture(scope="module")
def callers(world: World, django_db_blocker: DjangoDbBlocker) -> dict[str, dict[str, str]]:
    """Return the headers of each role."""
    with django_db_blocker.unblock():
        return world.callers()


def ask(
    client: httpx.Client, method: str, path: str, headers: dict[str, str]
) -> tuple[int, str | None, httpx.Response]:
    """Return status and error code of an answer, without waiting for the end of a stream."""
    body = {"json": {}} if method in ("POST", "PUT") and not path.startswith(POSTED) else {}
    with client.stream(method, path, headers=headers, **body) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, None, answer
        answer.read()
    is_json = answer.headers.get("content-type") == "application/json"
    said = answer.json() if is_json and answer.status_code >= 400 else {}
    return answer.status_code, said.get("error", {}).get("code"), answer


def expected(needs: For | tuple[str, ...], role: str) -> Code | None:
    """Return the refusal that a role gets from an address, or None if it may ask."""
    if needs is For.EVERYBODY:
        return None
    if role in ("unknown", "revoked", "expired"):
        return Code.INVALID_API_KEY
    if role == "wrong address":
        return Code.ADDRESS_NOT_ALLOWED
    if needs is For.PUBLIC or role == "operator":
        return None
    assert isinstance(needs, tuple)
    if role == "nobody":
        return Code.INVALID_API_KEY
    allowed = set(needs) & (set(SCOPES) - {"operate"} if role == "other organisation" else {role})
    return None if allowed else Code.MISSING_SCOPE


def test_every_address_has_its_row() -> None:
    described = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())["paths"]
    documented = {(method.upper(), path) for path, operations in described.items() for method in operations}
    assert set(MATRIX) == addresses()
    assert documented == {(method, path) for method, path in API if not path.startswith(UNDOCUMENTED)}


@each_of_the_api
def test_each_role_may_ask_what_is_its_own_and_nothing_else(
    exchange: httpx.Client, world: World, callers: dict[str, dict[str, str]], address: tuple[str, str]
) -> None:
    method, path = address
    needs = MATRIX[address]
    for role, headers in callers.items():
        status, code, answer = ask(exchange, method, world.address(path), headers)
        wanted = expected(needs, role)
        if wanted is not None:
            assert (status, code) == (wanted.spec.status, wanted.wire), role
            assert wanted is not Code.INVALID_API_KEY or answer.headers["www-authenticate"]
        else:
            assert status < 500 or path == "/readyz", role
            assert code not in ("invalid_api_key", "missing_scope", "address_not_allowed"), role
        if role == "other organisation" and wanted is None and any(name in path for name in OWN):
            assert status in (400, 404), "it may not even learn that this exists"


def test_signing_in_opens_no_part_of_the_api_but_the_account_stream(
    exchange: httpx.Client, world: World
) -> None:
    headers = browser(world.signed_in())
    for method, path in API:
        status, code, _ = ask(exchange, method, world.address(path), headers)
        needs_key = isinstance(MATRIX[method, path], tuple) and path != "/v1/stream/account"
        assert (code == "invalid_api_key") is needs_key, (method, path, status)


@each_page
def test_each_page_opens_for_whom_it_is(
    exchange: httpx.Client, world: World, callers: dict[str, dict[str, str]], path: str
) -> None:
    method = "POST" if path.startswith(POSTED) and path not in LOOKED_AT else "GET"
    for role in ("nobody", "operator"):  # a key opens no page
        status, _, answer = ask(exchange, method, world.address(path), browser(callers[role]))
        to_sign_in = status == 302 and answer.headers["location"].startswith("/login?next=")
        refused = to_sign_in or status == 403
        assert refused is (MATRIX[PAGES, path] in (For.SIGNED_IN, For.OPERATORS)), (role, status)
    status, _, answer = ask(exchange, method, world.address(path), browser(world.signed_in()))
    assert status in ((403,) if MATRIX[PAGES, path] is For.OPERATORS else (200, 302, 400, 404, 422)), status
    assert not answer.headers.get("location", "").startswith("/login?next=")


OF_THE_RELAY = {
    ("GET", "/healthz"): For.EVERYBODY,
    ("GET", "/relay/internal/jobs/{job_id}/stream"): "the gateways' own token",
    ("POST", "/relay/v1/leases/{lease_id}/upload"): "the token of the lease",
}


def test_no_key_opens_the_relay(servers: None, world: World, callers: dict[str, dict[str, str]]) -> None:
    assert {(method, route.path) for route in relay.ROUTES for method in route.handlers} == set(OF_THE_RELAY)
    with relay_process() as url, httpx.Client(base_url=url, timeout=10) as client:
        for (method, path), needs in OF_THE_RELAY.items():
            for role, headers in callers.items():
                status, code, _ = ask(client, method, world.address(path), headers)
                refused = (status, code) in ((401, "invalid_api_key"), (404, "not_found"))
                assert refused is (needs is not For.EVERYBODY), (path, role)


def test_a_form_without_its_token_is_refused(exchange: httpx.Client, world: World) -> None:
    headers = world.signed_in() | {"Accept": "text/html"}
    assert exchange.post("/orders/cancel-all", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "header", ["Bearer", "Basic dXNlcjpwYXNz", "cux_00000000_" + "a" * 43, "Bearer sk-1", ""]
)
def test_a_malformed_header_is_401(exchange, header):
    assert_error(exchange.get("/v1/balances", headers={"Authorization": header}), Code.INVALID_API_KEY)


def test_a_key_without_the_scope_is_told_which(exchange, buyer, key_of):
    answer = exchange.get("/v1/models", headers=bearer(key_of(buyer, "trade").secret))
    assert_error(answer, Code.MISSING_SCOPE, "scope")
    assert "`read` or `infer`" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/balances"), ("DELETE", "/v1/orders")])
def test_a_key_in_use_is_401_within_a_second_of_its_revocation(exchange, buyer, key_of, method, path):
    issued = key_of(buyer)

    def status() -> int:
        return exchange.request(method, path, headers=bearer(issued.secret)).status_code

    assert status() == 200
    api_key_revoke(organisation_id=buyer.id, key_id=issued.key.id, now=datetime.now(UTC))
    eventually(lambda: status() == 401, within_s=1.5)  # a second, and the request itself
