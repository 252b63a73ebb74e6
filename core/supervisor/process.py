"""What is to be run: a description, no behaviour."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Restart(Enum):
    """When a process that ended is started again."""

    ALWAYS = "always"
    ON_FAILURE = "on failure"
    NEVER = "never"


class State(Enum):
    """Where a process stands."""

    WAITING = "waiting"  # for those it starts after
    STARTING = "starting"
    UP = "up"
    BACKOFF = "backoff"
    DONE = "done"  # ended well, not to be started again
    FAILED = "failed"  # ended badly, not to be started again
    STOPPED = "stopped"


@dataclass(frozen=True)
class Run:
    """One life of a process, as a readiness check sees it: its log, and where in it this life begins."""

    log_path: Path
    log_offset: int


Ready = Callable[[Run], Awaitable[bool]]
"""Says whether a run is ready. Asked again and again until it is; an exception counts as no."""


@dataclass(frozen=True)
class Process:
    """A process to supervise.

    `env` is added to our own environment. `ready` is None for a process that is ready once it runs.
    `start_after` names processes that must be ready before, and that stop only after this one.
    A process that ended well and is not to be started again counts as ready.
    `note` says in a few words why it is not up at once, for people who wait for it.
    On stopping it gets `stop_signal`, and SIGKILL with all its descendants after `grace_s`.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready: Ready | None = None
    ready_timeout_s: float = 120.0
    restart: Restart = Restart.ALWAYS
    start_after: Sequence[str] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    note: str = ""
