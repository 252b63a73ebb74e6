"""People who sign in, and a market to act on."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Member, Organisation
from accounts.services import member_create
from tests.builders import unique
from tests.sequencer_market import Market, make_market
from tests.sequencer_process import sequencer

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def trading(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Run a sequencer."""
    with sequencer():
        yield


@pytest.fixture
def market(trading: None, db: None) -> Market:
    """Return a market of the test's own, with fees of 1 % for takers."""
    return make_market(taker_fee_ppm=10_000)


@pytest.fixture
def client_of(db: None) -> Callable[..., Client]:
    """Return a function that makes a browser signed in for an organisation."""

    def make(organisation: Organisation, role: Member.Role = Member.Role.OWNER, **options: bool) -> Client:
        client = Client(**options)
        client.defaults["SERVER_NAME"] = "127.0.0.1"
        name = unique("person")
        member_create(organisation_id=organisation.id, username=name, password=PASSWORD, role=role)
        assert client.login(username=name, password=PASSWORD)
        return client

    return make
