"""Owners have everything said and answered forgotten, on the account's page."""

from collections.abc import Callable

from django.test import Client

from accounts.models import Member, Organisation
from core.data_keys import seal_token_ids
from core.models import DataKey
from tests import builders

HTML = {"HTTP_ACCEPT": "text/html"}


def with_key() -> Organisation:
    """Make an organisation that has said something."""
    made = builders.organisation("someone")
    seal_token_ids(organisation_id=made.id, context="prompt:1", ids=[1])
    return made


def has_key(organisation: Organisation) -> bool:
    return DataKey.objects.filter(organisation_id=organisation.id).exists()


def test_an_owner_who_spells_the_name_has_everything_forgotten(client_of: Callable[..., Client]) -> None:
    someone = with_key()
    client = client_of(someone)
    page = client.get("/account").text
    assert "Forget everything said and answered" in page
    assert "sees it in plain text" in page
    refused = client.post("/account/forget", {"confirm": "somebody else"}, **HTML)
    assert (refused.status_code, "nothing was erased" in refused.text) == (422, True)
    assert has_key(someone)
    done = client.post("/account/forget", {"confirm": someone.name}, follow=True, **HTML)
    assert "is erased" in done.text
    assert not has_key(someone)


def test_others_than_owners_may_not(client_of: Callable[..., Client]) -> None:
    someone = with_key()
    for role in (Member.Role.TRADER, Member.Role.VIEWER):
        client = client_of(someone, role)
        assert "Forget everything" not in client.get("/account").text
        assert client.post("/account/forget", {"confirm": someone.name}, **HTML).status_code == 403
    assert has_key(someone)
