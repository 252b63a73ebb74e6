"""A scene for each test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.inference.scene import Scene, make_scene


@pytest.fixture
def scene(db: None, tmp_path: Path) -> Scene:
    """One provider, one entitlement of 10,000 µCU."""
    return make_scene(tmp_path)


@pytest.fixture
def make(db: None, tmp_path: Path) -> Callable[..., Scene]:
    """Make a scene with other numbers."""
    return lambda **numbers: make_scene(tmp_path, **numbers)
