"""A whole exchange over HTTP: sequencer, relay and web, and clients of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Organisation
from accounts.services import api_key_create
from cux.client import Client
from tests.integration.api.conftest import relay_process, web_process
from tests.integration.api.scripted import ScriptedProvider
from tests.integration.inference.scene import Scene, make_scene
from tests.sequencer_market import Market, make_market
from tests.sequencer_process import sequencer


@pytest.fixture(scope="package")
def urls(servers: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[str, str]]:
    """Run an exchange; return the addresses of web and relay."""
    with sequencer(), relay_process() as relay_url, web_process(CUX_RELAY_URL=relay_url) as web_url:
        yield web_url, relay_url


@pytest.fixture(autouse=True)
def _empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def market(urls: tuple[str, str], db: None) -> Market:
    """Return a market of the test's own: a buyer with $10, a seller with capacity."""
    return make_market()


@pytest.fixture
def client(urls: tuple[str, str], market: Market) -> Iterator[Client]:
    """Return the buyer's client."""
    with Client(urls[0], secret_of(market.buyer)) as made:
        yield made


@pytest.fixture
def scene(db: None, tmp_path: Path) -> Scene:
    """Return a model, a provider for it and a buyer with compute there."""
    return make_scene(tmp_path)


@pytest.fixture
def provider(scene: Scene, urls: tuple[str, str]) -> ScriptedProvider:
    """Return the scene's provider."""
    return ScriptedProvider(scene, urls[1])


def secret_of(organisation: Organisation) -> str:
    """Return a new key of an organisation, with every scope."""
    scopes = ("read", "trade", "infer")
    return api_key_create(organisation_id=organisation.id, name="test", scopes=scopes).secret
