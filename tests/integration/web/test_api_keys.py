"""API keys on the web: made within bounds, shown once, seen with their last use, revoked for good."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import ApiKey, Member, Organisation
from accounts.selectors import api_key_find
from accounts.selectors.api_keys import NOTED_EVERY, _read_one
from accounts.services import api_key_create
from accounts.services.api_keys import LIVE_KEYS_MAX
from core.clock import utc_now
from core.errors import Code, CuxError
from core.ids import public_id
from tests import builders
from tests.integration.accounts.test_second_factor import enrolled, owner_of

ClientOf = Callable[..., Client]
HTML = {"HTTP_ACCEPT": "text/html"}
FORM = {"name": "bot", "scopes": ["read", "trade"], "days": "30", "networks": "203.0.113.0/24\n192.0.2.7\n"}


@pytest.fixture
def someone(db: None) -> Organisation:
    """Return an organisation of the test's own."""
    return builders.organisation("someone")


def keys_of(organisation: Organisation) -> list[ApiKey]:
    return list(ApiKey.objects.filter(organisation=organisation).order_by("id"))


def test_a_key_is_made_shown_once_used_and_revoked(someone: Organisation, client_of: ClientOf) -> None:
    client = client_of(someone)
    assert "No key yet." in client.get("/account/keys").text
    made = client.post("/account/keys/new", FORM)
    (secret,) = re.findall(r"sk_live_[0-9a-f]{8}_[\w-]{43}", made.text)
    assert made["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    (row,) = keys_of(someone)
    assert (row.scopes, row.allowed_networks) == (["read", "trade"], ["203.0.113.0/24", "192.0.2.7/32"])
    assert row.expires_at is not None
    assert timedelta(days=30) - (row.expires_at - row.created_at) < timedelta(minutes=1)
    page = client.get("/account/keys").text
    assert (row.prefix in page, secret in page, "never used" in page) == (True, False, True)
    assert api_key_find(secret).key_id == row.id
    assert "last used" in client.get("/account/keys").text
    path = f"/account/keys/{public_id('key', row.id)}/revoke"
    assert client_of(builders.organisation("stranger")).post(path, **HTML).status_code == 404
    assert "refused everywhere" in client.post(path, follow=True).text
    assert _read_one(bytes(row.sha256)) is None
    assert "Revoked" in client.get("/account/keys").text


def test_an_expired_key_is_told_from_those_that_work(someone: Organisation, client_of: ClientOf) -> None:
    ended = utc_now() - timedelta(days=1)
    api_key_create(organisation_id=someone.id, name="old one", scopes=("read",), expires_at=ended)
    found = client_of(someone).get("/account/keys").context["page"]
    assert ([row for _, row in found.live], [row.name for _, row in found.ended]) == ([], ["old one"])


@pytest.mark.parametrize("scope", ["withdraw", "keys"])
def test_what_can_take_money_out_needs_a_fresh_code(
    someone: Organisation, client_of: ClientOf, scope: str
) -> None:
    client, form = client_of(someone), FORM | {"scopes": ["read", scope]}
    without = client.post("/account/keys/new", form)
    assert (without.status_code, "no owner has one" in without.text) == (422, True)
    unknown = client.post("/account/keys/new", form | {"code": "000000"})
    assert (unknown.status_code, "set one up" in unknown.text) == (422, True)
    _, recovery = enrolled(owner_of(someone))
    missing = client.post("/account/keys/new", form)
    assert (missing.status_code, "Enter the six digits" in missing.text) == (422, True)
    wrong = client.post("/account/keys/new", form | {"code": "000000"})
    assert (wrong.status_code, "That code is not right" in wrong.text) == (422, True)
    assert keys_of(someone) == []
    assert "shown only now" in client.post("/account/keys/new", form | {"code": recovery[0]}).text
    again = client.post("/account/keys/new", form | {"code": recovery[0]})
    assert (again.status_code, [row.scopes for row in keys_of(someone)]) == (422, [sorted(["read", scope])])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"scopes": ["operate"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"name": ""}, "name"),
        ({"days": "3650"}, "days"),
        ({"networks": "203.0.113.9/24"}, "networks"),
        ({"networks": "\n".join(["192.0.2.1"] * 33)}, "networks"),
    ],
    ids=["operate", "nothing", "nameless", "too-long", "no-network", "too-many"],
)
def test_what_is_no_key_is_said_beside_its_field(
    someone: Organisation, client_of: ClientOf, wrong: dict[str, object], field: str
) -> None:
    answer = client_of(someone).post("/account/keys/new", FORM | wrong)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert keys_of(someone) == []


def test_there_are_not_more_keys_than_over_rest(someone: Organisation, client_of: ClientOf) -> None:
    for number in range(LIVE_KEYS_MAX):
        api_key_create(organisation_id=someone.id, name=f"{number}", scopes=("read",))
    answer = client_of(someone).post("/account/keys/new", FORM)
    assert (answer.status_code, CuxError(Code.TOO_MANY_KEYS).message in answer.text) == (422, True)
    assert len(keys_of(someone)) == LIVE_KEYS_MAX


@pytest.mark.parametrize("role", [Member.Role.VIEWER, Member.Role.TRADER])
def test_keys_are_changed_by_owners_and_seen_by_all(
    someone: Organisation, client_of: ClientOf, role: Member.Role
) -> None:
    key = api_key_create(organisation_id=someone.id, name="bot", scopes=("read",)).key
    client = client_of(someone, role)
    page = client.get("/account/keys").text
    assert ("bot" in page, "Revoke" in page, "Owners of your organisation" in page) == (True, False, True)
    assert client.get("/account/keys/new", **HTML).status_code == 403
    assert client.post("/account/keys/new", FORM, **HTML).status_code == 403
    path = f"/account/keys/{public_id('key', key.id)}/revoke"
    assert client.post(path, **HTML).status_code == 403
    assert [row.revoked_at for row in keys_of(someone)] == [None]


def test_use_is_noted_once_a_minute(someone: Organisation) -> None:
    key = api_key_create(organisation_id=someone.id, name="bot", scopes=("read",)).key
    digest = bytes(key.sha256)
    assert _read_one(digest) is not None
    (first,) = keys_of(someone)
    assert first.last_used_at is not None
    _read_one(digest)
    assert keys_of(someone)[0].last_used_at == first.last_used_at, "within the minute nothing is written"
    long_ago = first.last_used_at - NOTED_EVERY
    ApiKey.objects.filter(id=key.id).update(last_used_at=long_ago)
    _read_one(digest)
    assert keys_of(someone)[0].last_used_at > long_ago
