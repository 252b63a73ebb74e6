"""The state on disk, so that a restart goes on where the last run stopped."""

import time
from pathlib import Path

from stripe_double.world import World

_SHARE = 0.1


class StateFile:
    """Written when the state has changed; a large state, which takes long, less often."""

    def __init__(self, world: World, path: Path | None) -> None:
        self._world, self._path = world, path
        self._written = ""
        self._not_before = 0.0

    def due_in_s(self) -> float:
        """Return in how many seconds it may be written again."""
        return max(0.0, self._not_before - time.monotonic()) if self._path else float("inf")

    def write(self, *, at_once: bool = False) -> bool:
        """Write what has changed, whole or not at all; return whether that has to wait."""
        if self._path is None:
            return False
        began = time.monotonic()
        if began < self._not_before and not at_once:
            return True
        state = self._world.dump()
        if state != self._written:
            fresh = self._path.with_suffix(".new")
            fresh.write_text(state)
            fresh.replace(self._path)
            self._written = state
        self._not_before = time.monotonic() + (time.monotonic() - began) / _SHARE
        return False
