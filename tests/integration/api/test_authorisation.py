"""Every address × {no key, malformed, unknown, revoked, wrong scope}; a new address without a row fails."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import yaml

from accounts.secrets import secret_generate
from accounts.services import api_key_revoke
from api.routes import ROUTES
from core.errors import Code
from core.ids import new_id, public_id
from tests.environment import ROOT
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.waiting import eventually


@dataclass(frozen=True)
class Row:
    """What an address needs: a scope, one of two, or none."""

    method: str
    path: str
    scopes: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Return the path with ids that nobody has."""
        kinds = {"order_id": "order", "job_id": "job"}
        return re.sub(
            r"\{(\w+)\}",
            lambda found: public_id(kinds[found[1]], new_id()) if found[1] in kinds else "unknown",
            self.path,
        )


MATRIX = [
    Row("GET", "/v1/api-keys", ("read",)),
    Row("POST", "/v1/api-keys", ("keys",)),
    Row("DELETE", "/v1/api-keys/{key_id}", ("keys",)),
    Row("GET", "/v1/auctions"),
    Row("GET", "/v1/auctions/{auction_id}"),
    Row("GET", "/v1/standing-offers", ("read",)),
    Row("PUT", "/v1/standing-offers", ("trade",)),
    Row("DELETE", "/v1/standing-offers/{standing_offer_id}", ("trade",)),
    Row("POST", "/v1/entitlements/{entitlement_id}/sell", ("trade",)),
    Row("GET", "/v1/balances", ("read",)),
    Row("GET", "/v1/compute-cards"),
    Row("GET", "/v1/compute-cards/{card_hash}"),
    Row("GET", "/v1/dead-man", ("read",)),
    Row("PUT", "/v1/dead-man", ("trade",)),
    Row("GET", "/v1/index"),
    Row("GET", "/v1/index/{code}"),
    Row("GET", "/v1/instruments/{symbol}/candles"),
    Row("GET", "/v1/instruments/{symbol}/stats"),
    Row("GET", "/v1/orders/by-client-id/{client_order_id}", ("read",)),
    Row("GET", "/v1/entitlements", ("read",)),
    Row("GET", "/v1/instruments"),
    Row("GET", "/v1/instruments/{symbol}"),
    Row("GET", "/v1/instruments/{symbol}/book"),
    Row("GET", "/v1/instruments/{symbol}/trades"),
    Row("GET", "/v1/jobs", ("read",)),
    Row("GET", "/v1/jobs/{job_id}", ("read",)),
    Row("GET", "/v1/models", ("read", "infer")),
    Row("GET", "/v1/models/{name}", ("read", "infer")),
    Row("GET", "/v1/orders", ("read",)),
    Row("POST", "/v1/orders", ("trade",)),
    Row("DELETE", "/v1/orders", ("trade",)),
    Row("GET", "/v1/orders/{order_id}", ("read",)),
    Row("DELETE", "/v1/orders/{order_id}", ("trade",)),
    Row("POST", "/v1/orders/{order_id}/replace", ("trade",)),
    Row("POST", "/v1/chat/completions", ("infer",)),
    Row("GET", "/v1/keys"),
    Row("POST", "/v1/operator/kill", ("operate",)),
    Row("POST", "/v1/operator/phases", ("operate",)),
    Row("PUT", "/v1/operator/accounts/{organisation_id}", ("operate",)),
    Row("PUT", "/v1/operator/fee-tiers", ("operate",)),
    Row("POST", "/v1/quotes", ("infer",)),
    Row("GET", "/v1/providers"),
    Row("GET", "/v1/receipts/{job_id}", ("read",)),
    Row("GET", "/v1/stream/account", ("read",)),
    Row("GET", "/v1/stream/market/{symbol}"),
    Row("POST", "/agent/v1/enrol"),
    Row("GET", "/agent/v1/models/{model}/card", ("provide",)),
    Row("POST", "/agent/v1/measurements", ("provide",)),
    Row("POST", "/agent/v1/heartbeat", ("provide",)),
    Row("POST", "/agent/v1/claim", ("provide",)),
    Row("POST", "/agent/v1/leases/{lease_id}/fail", ("provide",)),
    Row("GET", "/healthz"),
    Row("GET", "/metrics"),
    Row("GET", "/readyz"),
]
WITH_KEY = [row for row in MATRIX if row.scopes]
KEYED = pytest.mark.parametrize("row", WITH_KEY, ids=lambda row: f"{row.method} {row.path}")


def test_every_address_has_its_row():
    described = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())["paths"]
    addresses = {(method.upper(), path) for path, operations in described.items() for method in operations}
    addresses |= {(method, route.path) for route in ROUTES for method in route.handlers}
    assert {(row.method, row.path) for row in MATRIX} == addresses


@KEYED
def test_without_a_key_it_is_401(http, row):
    answer = http.request(row.method, row.address)
    assert_error(answer, Code.INVALID_API_KEY)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header", ["Bearer", "Basic dXNlcjpwYXNz", "cux_00000000_" + "a" * 43, "Bearer sk-1", ""]
)
def test_a_malformed_header_is_401(http, header):
    assert_error(http.get("/v1/balances", headers={"Authorization": header}), Code.INVALID_API_KEY)


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row.method} {row.path}")
def test_an_unknown_key_is_401_where_keys_are_read_at_all(http, row):
    _, secret = secret_generate("live")
    answer = http.request(row.method, row.address, headers=bearer(secret))
    if row.path in ("/healthz", "/metrics", "/readyz", "/agent/v1/enrol"):
        assert answer.status_code in (200, 503, 400)  # an enrol token is in the body, which is empty here
    else:
        assert_error(answer, Code.INVALID_API_KEY)


@KEYED
def test_a_key_without_the_scope_is_403_and_names_it(http, buyer, key_of, row):
    others = {"read", "trade", "infer", "provide", "keys"} - set(row.scopes)
    answer = http.request(row.method, row.address, headers=bearer(key_of(buyer, *others).secret))
    assert_error(answer, Code.MISSING_SCOPE, "scope")
    for scope in row.scopes:
        assert f"`{scope}`" in answer.json()["error"]["message"]


@KEYED
def test_a_revoked_key_is_401(http, buyer, key_of, row):
    issued = key_of(buyer, *row.scopes)
    api_key_revoke(organisation_id=buyer.id, key_id=issued.key.id, now=datetime.now(UTC))
    assert_error(http.request(row.method, row.address, headers=bearer(issued.secret)), Code.INVALID_API_KEY)


@pytest.mark.parametrize("path", ["/v1/balances", "/v1/orders"])
def test_a_key_in_use_is_401_within_a_second_of_its_revocation(http, buyer, key_of, path):
    issued = key_of(buyer)
    method = "GET" if path == "/v1/balances" else "DELETE"  # one that Django answers, one past it

    def status() -> int:
        return http.request(method, path, headers=bearer(issued.secret)).status_code

    assert status() != 401
    api_key_revoke(organisation_id=buyer.id, key_id=issued.key.id, now=datetime.now(UTC))
    eventually(lambda: status() == 401, within_s=1.5)  # a second, and the request itself
