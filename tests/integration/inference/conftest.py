"""A scene for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.inference.audits import audit_all
from tests.integration.inference.relay_process import RelayProcess
from tests.integration.inference.scene import Scene, make_scene


@pytest.fixture
def scene(db: None, tmp_path: Path) -> Scene:
    """One provider, one entitlement of 10,000 µCU."""
    return make_scene(tmp_path)


@pytest.fixture
def make(db: None, tmp_path: Path) -> Callable[..., Scene]:
    """Make a scene with other numbers."""
    return lambda **numbers: make_scene(tmp_path, **numbers)


@pytest.fixture
def audited(scene: Scene, settings: Any) -> Scene:
    """A scene in which every job is drawn."""
    return audit_all(scene, settings)


@pytest.fixture(scope="module")
def relay_process(servers: None) -> Iterator[RelayProcess]:
    relay = RelayProcess()
    relay.start()
    yield relay
    relay.kill()


@pytest.fixture
def relay(relay_process: RelayProcess, settings: Any) -> RelayProcess:
    settings.RELAY_URL = relay_process.url
    return relay_process
