"""The web process as programs meet it: `config.server` serving `config.asgi` over real HTTP."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from django.conf import settings
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Organisation
from accounts.services import IssuedKey, api_key_create
from tests import builders
from tests.environment import ROOT, VAR
from tests.sequencer_process import sequencer
from tests.stripe import StripeDouble, running_double
from tests.waiting import eventually


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def web_process(**environment: str) -> Iterator[str]:
    """Run one web process with the settings of this moment, and yield its address."""
    with _server("config.asgi:application", "web.log", environment) as url:
        yield url


@contextmanager
def relay_process() -> Iterator[str]:
    """Run one relay and yield its address."""
    with _server("config.relay:application", "relay.log", {}) as url:
        yield url


@contextmanager
def _server(application: str, log_name: str, environment: dict[str, str]) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    socket_path = {"CUX_SEQUENCER_SOCKET": str(settings.SEQUENCER_SOCKET), "CUX_LOG_LEVEL": "INFO"}
    with (VAR / log_name).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.server", application, "--port", str(port)],
            cwd=ROOT,
            env=os.environ | socket_path | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(lambda: _answers(url), within_s=30)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture(scope="module")
def web_url(servers: None) -> Iterator[str]:
    """Run a web process without a sequencer and return its address."""
    with web_process() as url:
        yield url


@pytest.fixture(scope="module")
def double() -> Iterator[StripeDouble]:
    """Run a double of Stripe that web processes and this one ask."""
    with running_double() as double, override_settings(STRIPE_API_BASE=double.url):
        yield double


@pytest.fixture(scope="module")
def exchange_url(servers: None, django_db_blocker: DjangoDbBlocker, double: StripeDouble) -> Iterator[str]:
    """Run a sequencer and a web process that talks to it, and return its address."""
    with sequencer(), web_process(STRIPE_API_BASE=double.url) as url:
        double.endpoint(f"{url}/webhooks/stripe", settings.STRIPE_WEBHOOK_SECRETS[0])
        yield url


@pytest.fixture
def http(web_url: str, db: None) -> Iterator[httpx.Client]:
    """Return a client of the web process without a key."""
    with httpx.Client(base_url=web_url, timeout=10) as client:
        yield client


@pytest.fixture
def exchange(exchange_url: str, db: None) -> Iterator[httpx.Client]:
    """Return a client of a web process that trades."""
    with httpx.Client(base_url=exchange_url, timeout=10) as client:
        yield client


@pytest.fixture
def buyer(db: None) -> Organisation:
    """Return an organisation of the test's own."""
    return builders.organisation("buyer")


@pytest.fixture
def key_of(db: None) -> Callable[..., IssuedKey]:
    """Return a function that makes a key for an organisation, with every scope unless told."""

    def make(organisation: Organisation, *scopes: str) -> IssuedKey:
        wanted = scopes or ("read", "trade", "infer")
        return api_key_create(organisation_id=organisation.id, name="test", scopes=wanted)

    return make


def bearer(secret: str) -> dict[str, str]:
    """Return the header that shows a key."""
    return {"Authorization": f"Bearer {secret}"}
