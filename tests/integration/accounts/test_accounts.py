"""Organisations, members and keys."""

import hashlib
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.models import ApiKey, Member, Organisation
from accounts.selectors import api_key_cached, api_key_find, member_of
from accounts.services import api_key_create, api_key_revoke, api_keys, member_create, organisation_create
from accounts.services.api_keys import IssuedKey, require_room_for_a_key
from core.clock import utc_now
from core.errors import Code, CuxError
from tests import builders
from tests.races import race


def test_a_key_is_kept_as_prefix_and_digest_only(db):
    owner = builders.organisation()
    issued = api_key_create(organisation_id=owner.id, name="bot", scopes=["trade", "read"])
    row = ApiKey.objects.get(id=issued.key.id)
    assert bytes(row.sha256) == hashlib.sha256(issued.secret.encode()).digest()
    assert issued.secret.startswith(f"sk_live_{row.prefix}_")
    assert row.scopes == ["read", "trade"]
    kept = " ".join(str(value) for value in ApiKey.objects.filter(id=row.id).values_list()[0])
    assert issued.secret.rpartition("_")[2] not in kept
    assert issued.secret not in repr(issued)


def test_a_key_is_found_by_its_secret_and_remembered(db):
    owner = builders.organisation()
    issued = api_key_create(organisation_id=owner.id, name="bot", scopes=["infer"])
    assert api_key_cached(issued.secret) is None
    facts = api_key_find(issued.secret)
    assert (facts.organisation_id, facts.scopes) == (owner.id, frozenset({"infer"}))
    assert api_key_cached(issued.secret) == facts


def test_a_key_of_the_other_market_is_refused_by_its_form(db, settings):
    owner = builders.organisation()
    live = api_key_create(organisation_id=owner.id, name="bot", scopes=["read"])
    settings.MARKET_MODE = "test"
    test = api_key_create(organisation_id=owner.id, name="bot", scopes=["read"])
    assert test.secret.startswith("sk_test_")
    assert api_key_find(test.secret).organisation_id == owner.id
    with pytest.raises(CuxError) as refused:
        api_key_find(live.secret)
    assert (refused.value.code, refused.value.status) == (Code.OTHER_MARKET_MODE, 401)
    settings.MARKET_MODE = "live"
    assert api_key_find(live.secret).organisation_id == owner.id


def test_a_key_that_was_never_used_ends_at_once_when_revoked(db):
    owner = builders.organisation()
    issued = api_key_create(organisation_id=owner.id, name="bot", scopes=["read"])
    first = utc_now()
    api_key_revoke(organisation_id=owner.id, key_id=issued.key.id, now=first)
    api_key_revoke(organisation_id=owner.id, key_id=issued.key.id, now=first + timedelta(hours=1))
    assert ApiKey.objects.get(id=issued.key.id).revoked_at == first
    with pytest.raises(CuxError) as refused:
        api_key_find(issued.secret)
    assert refused.value.code is Code.INVALID_API_KEY


def test_the_command_makes_a_key_and_prints_its_secret_alone(db):
    house, out = builders.house(), StringIO()
    words = ["api_key", house.slug, "alice", "--scope", "operate", "--network", "10.0.0.0/8", "--orders", "9"]
    call_command(*words, stdout=out, stderr=StringIO())
    facts = api_key_find(out.getvalue().strip())
    assert (facts.organisation_id, facts.scopes, facts.order_limit) == (house.id, frozenset({"operate"}), 9)
    assert [str(network) for network in facts.networks] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    "words", [["nobody", "k"], ["{}", "k"], ["{}", "x" * 81], ["{}", "k", "--network", "10.0.0.1/8"]]
)
def test_the_command_says_why_it_makes_none(db, words):
    owner = builders.organisation()
    said = [word.format(owner.slug) for word in words]
    scope = "operate" if len(words) == 2 else "read"
    with pytest.raises(CommandError):
        call_command("api_key", *said, "--scope", scope, stdout=StringIO(), stderr=StringIO())
    assert not ApiKey.objects.filter(organisation=owner).exists()


def test_nobody_revokes_somebody_elses_key(db):
    owner, stranger = builders.organisation(), builders.organisation()
    issued = api_key_create(organisation_id=owner.id, name="bot", scopes=["read"])
    with pytest.raises(CuxError) as refused:
        api_key_revoke(organisation_id=stranger.id, key_id=issued.key.id, now=utc_now())
    assert refused.value.code is Code.NOT_FOUND
    assert ApiKey.objects.get(id=issued.key.id).revoked_at is None


@pytest.mark.parametrize("scopes", [[], ["admin"], ["read", "bank"]])
def test_a_key_has_known_scopes(db, scopes):
    owner = builders.organisation()
    with pytest.raises(CuxError) as refused:
        api_key_create(organisation_id=owner.id, name="bot", scopes=scopes)
    assert (refused.value.code, refused.value.param) == (Code.INVALID_FIELD, "scopes")
    assert not ApiKey.objects.filter(organisation=owner).exists()


def test_a_member_can_sign_in_and_acts_for_the_organisation(db):
    owner, name = builders.organisation(), builders.unique("person")
    member = member_create(organisation_id=owner.id, username=name, password="correct horse battery")
    assert authenticate(username=name, password="correct horse battery") == member.user
    assert authenticate(username=name, password="wrong") is None
    assert member_of(member.user) == member
    with pytest.raises(CuxError) as refused:
        member_create(organisation_id=owner.id, username=name, password="another password")
    assert (refused.value.code, refused.value.param) == (Code.INVALID_FIELD, "username")
    assert Member.objects.filter(organisation=owner).count() == 1


def test_a_slug_is_taken_once(db):
    slug = builders.unique("slug")
    organisation_create(name="One", slug=slug)
    with pytest.raises(CuxError) as refused:
        organisation_create(name="Two", slug=slug)
    assert (refused.value.code, refused.value.param) == (Code.INVALID_FIELD, "slug")
    assert Organisation.objects.get(slug=slug).name == "One"


def test_two_keys_that_are_made_at_once_are_within_the_most(db, monkeypatch):
    monkeypatch.setattr(api_keys, "LIVE_KEYS_MAX", 3)
    who = builders.organisation().id

    @transaction.atomic
    def make() -> IssuedKey:
        require_room_for_a_key(organisation_id=who, now=utc_now())
        return api_key_create(organisation_id=who, name="another", scopes=["read"])

    for _ in range(2):
        make()
    assert race(make, make)[1] is Code.TOO_MANY_KEYS
    assert ApiKey.objects.filter(organisation_id=who).count() == 3


def test_a_request_does_not_wait_to_note_that_its_key_was_used(db):
    issued = api_key_create(organisation_id=builders.organisation().id, name="used", scopes=["read"])
    rows = ApiKey.objects.filter(id=issued.key.id)
    _, facts = race(lambda: list(rows.select_for_update(no_key=True)), lambda: api_key_find(issued.secret))
    assert (facts.key_id, rows.get().last_used_at) == (issued.key.id, None)
