"""API keys over REST: what they may do, from where, until when, and who may make them."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from accounts.models import ApiKey
from accounts.services import api_key_create
from accounts.services.api_keys import LIVE_KEYS_MAX
from core.clock import rfc3339
from core.errors import Code, CuxError
from core.ids import new_id, public_id
from tests import builders
from tests.integration.api.conftest import bearer, web_process
from tests.integration.api.test_errors import assert_error
from tests.waiting import eventually

EVERYTHING = ("read", "trade", "infer", "keys")
IN_AN_HOUR = rfc3339(datetime.now(UTC) + timedelta(hours=1))


@pytest.fixture
def owner(buyer, key_of):
    """Return the header of a key that may make keys."""
    return bearer(key_of(buyer, *EVERYTHING).secret)


def test_a_key_is_made_shown_once_used_and_revoked(http, buyer, owner):
    wanted = {
        "name": "bot",
        "scopes": ["read"],
        "expires_at": IN_AN_HOUR,
        "allowed_networks": ["127.0.0.1", "10.0.0.0/8"],
        "order_limit": 50,
        "order_window_s": 60,
    }
    made = http.post("/v1/api-keys", json=wanted, headers=owner)
    assert made.status_code == 201, made.text
    issued = made.json()
    secret = issued.pop("secret")
    assert secret.startswith(f"sk_live_{issued['prefix']}_")
    assert issued["allowed_networks"] == ["127.0.0.1/32", "10.0.0.0/8"]
    assert {name: issued[name] for name in ("name", "scopes", "expires_at", "order_limit")} == {
        "name": "bot",
        "scopes": ["read"],
        "expires_at": IN_AN_HOUR,
        "order_limit": 50,
    }
    assert http.get("/v1/balances", headers=bearer(secret)).status_code == 200
    assert_error(http.post("/v1/orders", json={}, headers=bearer(secret)), Code.MISSING_SCOPE, "scope")

    listed = http.get("/v1/api-keys", headers=owner)
    shown = listed.json()["data"][0]
    assert (issued["last_used_at"], shown["last_used_at"] is not None) == (None, True)
    assert shown | {"last_used_at": None} == issued
    assert secret not in listed.text

    revoked = http.delete(f"/v1/api-keys/{issued['key_id']}", headers=owner)
    assert (revoked.status_code, revoked.json()["revoked_at"] is not None) == (200, True)
    eventually(lambda: http.get("/v1/balances", headers=bearer(secret)).status_code == 401, within_s=1.5)


def test_what_is_left_open_comes_from_the_key_that_makes_it(http, buyer):
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    parent = api_key_create(
        organisation_id=buyer.id,
        name="parent",
        scopes=EVERYTHING,
        expires_at=ends_at,
        allowed_networks=["127.0.0.0/8"],
        order_limit=30,
        order_window_s=3,
    )
    body = {"name": "child", "scopes": ["read"]}
    child = http.post("/v1/api-keys", json=body, headers=bearer(parent.secret)).json()
    assert child["expires_at"] == rfc3339(ends_at)
    assert (child["allowed_networks"], child["order_limit"], child["order_window_s"]) == (
        ["127.0.0.0/8"],
        30,
        3,
    )


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"scopes": ["read", "provide"]}, "scopes"),
        ({"scopes": ["operate"]}, "scopes"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
        ({"allowed_networks": ["0.0.0.0/0"]}, "allowed_networks"),
        ({"allowed_networks": ["127.0.0.1", "10.0.0.1"]}, "allowed_networks"),
        ({"order_limit": 31, "order_window_s": 300}, "order_limit"),
        ({"order_limit": 30, "order_window_s": 2}, "order_limit"),
    ],
)
def test_a_key_gives_no_more_than_it_has(http, buyer, change, param):
    parent = api_key_create(
        organisation_id=buyer.id,
        name="parent",
        scopes=EVERYTHING,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        allowed_networks=["127.0.0.0/8"],
        order_limit=30,
        order_window_s=3,
    )
    body = {"name": "child", "scopes": ["read"]} | change
    assert_error(http.post("/v1/api-keys", json=body, headers=bearer(parent.secret)), Code.FORBIDDEN, param)
    assert ApiKey.objects.filter(organisation=buyer).count() == 1


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes[0]"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2999-02-30T00:00:00Z"}, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00Z"}, "expires_at"),
        ({"allowed_networks": ["10.0.0.1/8"]}, "allowed_networks"),
        ({"allowed_networks": ["::::"]}, "allowed_networks"),
        ({"order_limit": 0}, "order_limit"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(http, buyer, owner, change, param):
    answer = http.post("/v1/api-keys", json={"name": "bot", "scopes": ["read"]} | change, headers=owner)
    assert_error(answer, Code.INVALID_FIELD, param)
    assert ApiKey.objects.filter(organisation=buyer).count() == 1


def test_an_organisation_has_so_many_live_keys_and_no_more(http, buyer, owner):
    now = datetime.now(UTC)
    for number in range(LIVE_KEYS_MAX - 1):
        api_key_create(organisation_id=buyer.id, name=f"{number}", scopes=["read"])
    api_key_create(organisation_id=buyer.id, name="old", scopes=["read"], expires_at=now)
    assert_error(
        http.post("/v1/api-keys", json={"name": "one more", "scopes": ["read"]}, headers=owner),
        Code.TOO_MANY_KEYS,
    )


def test_somebody_elses_key_is_neither_listed_nor_revoked(http, owner, key_of):
    other = key_of(builders.organisation("other"))
    listed = http.get("/v1/api-keys", headers=owner).json()["data"]
    assert public_id("key", other.key.id) not in {row["key_id"] for row in listed}
    for key_id in (public_id("key", other.key.id), public_id("key", new_id()), "nonsense"):
        assert_error(http.delete(f"/v1/api-keys/{key_id}", headers=owner), Code.NOT_FOUND)
    assert http.get("/v1/balances", headers=bearer(other.secret)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/balances", "/v1/orders"])
def test_a_key_stops_within_a_second_of_its_end(http, buyer, path):
    ends_at = datetime.now(UTC) + timedelta(seconds=1)
    issued = api_key_create(
        organisation_id=buyer.id, name="short", scopes=["read", "trade"], expires_at=ends_at
    )
    method = "GET" if path == "/v1/balances" else "DELETE"  # one that Django answers, one past it

    def status() -> int:
        return http.request(method, path, headers=bearer(issued.secret)).status_code

    assert status() != 401
    eventually(lambda: status() == 401, within_s=2)
    assert datetime.now(UTC) >= ends_at


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/balances"), ("DELETE", "/v1/orders")])
def test_a_key_is_refused_from_an_address_it_is_not_for(http, buyer, method, path):
    issued = api_key_create(
        organisation_id=buyer.id, name="office", scopes=["read", "trade"], allowed_networks=["203.0.113.0/24"]
    )
    said = bearer(issued.secret) | {"X-Forwarded-For": "203.0.113.5"}  # anybody may write that
    assert_error(http.request(method, path, headers=said), Code.ADDRESS_NOT_ALLOWED)


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/balances"), ("DELETE", "/v1/orders")])
def test_a_trusted_proxy_is_believed(servers, buyer, method, path, proxied):
    issued = api_key_create(
        organisation_id=buyer.id, name="office", scopes=["read", "trade"], allowed_networks=["203.0.113.0/24"]
    )
    for forwarded, refused in (("203.0.113.5", False), ("203.0.113.5, 198.51.100.1", True)):
        said = bearer(issued.secret) | {"X-Forwarded-For": forwarded}
        answer = proxied.request(method, path, headers=said)
        assert (answer.status_code == 403) is refused, answer.text


@pytest.fixture(scope="module")
def proxied_url(servers):
    """Run a web process that stands behind a proxy on this machine."""
    with web_process(CUX_TRUSTED_PROXIES="127.0.0.1/32") as url:
        yield url


@pytest.fixture
def proxied(proxied_url, db):
    """Return a client of that process."""
    with httpx.Client(base_url=proxied_url, timeout=10) as client:
        yield client


def test_only_the_house_operates(db, buyer):
    with pytest.raises(CuxError) as refused:
        api_key_create(organisation_id=buyer.id, name="k", scopes=["operate"])
    assert (refused.value.code, refused.value.param) == (Code.FORBIDDEN, "scopes")
    issued = api_key_create(organisation_id=builders.house().id, name="k", scopes=["operate"])
    assert issued.key.scopes == ["operate"]


def test_no_operator_makes_another_who_could_approve_what_it_asks_for(http, db):
    house = builders.house()
    operator = api_key_create(organisation_id=house.id, name="o", scopes=["operate", "keys", "read"])
    body = {"name": "second", "scopes": ["operate"]}
    answer = http.post("/v1/api-keys", json=body, headers=bearer(operator.secret))
    assert_error(answer, Code.FORBIDDEN, "scopes")
    assert not ApiKey.objects.filter(organisation=house, name="second").exists()
