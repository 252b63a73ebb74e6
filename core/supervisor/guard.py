"""The guard between the supervisor and one process: nothing the process starts outlives it.

A program of its own (`python -I -S guard.py …`, standard library only). It adopts what its process leaves
behind (PR_SET_CHILD_SUBREAPER), and ends everything below it when the process ends, when it is told to
(SIGTERM), or when the supervisor is gone, however that died: then the control socket, its standard input,
reads end of file. Killed itself, it takes the process with it (PR_SET_PDEATHSIG).

On the control socket it writes `pid N` when the process runs and `exit N` (a returncode) at its end.
"""

import argparse
import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36
CONTROL = 0
_KILL_POLL_S = 0.02
_libc = ctypes.CDLL(None)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)


def parents_and_sessions() -> dict[int, tuple[int, int]]:
    """Return parent and session of every process that has not ended (proc(5), stat)."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile
                state, parent, _group, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if state not in "ZX":
                    found[int(entry.name)] = (int(parent), int(session))
    return found


def descendants(ancestor: int) -> set[int]:
    """Return the process ids below `ancestor`, at any depth."""
    below: dict[int, list[int]] = {}
    for pid, (parent, _session) in parents_and_sessions().items():
        below.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [ancestor]
    while waiting:
        for pid in below.get(waiting.pop(), ()):
            found.add(pid)
            waiting.append(pid)
    return found


class Guard:
    """Runs one program and answers for everything below it."""

    def __init__(self, program: Sequence[str], *, stop_signal: int, grace_s: float) -> None:
        self._program = list(program)
        self._stop_signal = stop_signal
        self._grace_s = grace_s
        self._told_to_stop = False
        self._deadline: float | None = None
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        """Run the program to its end, and end what it left."""
        adopt_orphans()
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        child = self._fork()
        try:
            self._tell(f"pid {child}\n")
            status = self._reap(child)
            while status is None:
                self._wait()
                self._act(child)
                status = self._reap(child)
        finally:
            self._end_descendants()
        self._tell(f"exit {status}\n")

    def _fork(self) -> int:
        """Start the program and return its process id."""
        guard = os.getpid()
        child = os.fork()
        if child:
            return child
        try:
            _libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
            if os.getppid() != guard:
                os._exit(1)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDWR), CONTROL)
            os.execvp(self._program[0], self._program)  # noqa: S606  (no shell wanted)
        except OSError as error:
            sys.stderr.write(f"cannot run {self._program[0]}: {error.strerror}\n")
            sys.stderr.flush()
        os._exit(127)

    def _wait(self) -> None:
        """Sleep until a signal, the end of the supervisor, or the deadline."""
        watched = [self._wake_reader] if self._told_to_stop else [self._wake_reader, CONTROL]
        timeout = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        ready, _, _ = select.select(watched, [], [], timeout)
        if self._wake_reader in ready:
            os.read(self._wake_reader, 4096)
        if CONTROL in ready and _is_closed(CONTROL):
            self._told_to_stop = True

    def _act(self, child: int) -> None:
        """Ask the program to end if told so, and kill everything when its grace is over."""
        if not self._told_to_stop:
            return
        if self._deadline is None:
            os.kill(child, self._stop_signal)  # not reaped yet, so the number is still its own
            self._deadline = time.monotonic() + self._grace_s
        elif time.monotonic() >= self._deadline:
            kill(descendants(os.getpid()))
            self._deadline = time.monotonic() + self._grace_s

    def _reap(self, child: int) -> int | None:
        """Reap whatever ended; return the program's returncode once it is among them."""
        code = None
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == child:
                    code = os.waitstatus_to_exitcode(status)
        return code

    def _end_descendants(self) -> None:
        """Kill what the program left, and what that leaves, until nothing is below us."""
        while left := descendants(os.getpid()):
            kill(left)
            time.sleep(_KILL_POLL_S)
            self._reap(0)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_stop = True

    def _tell(self, line: str) -> None:
        """Write to the supervisor, if it is still there."""
        with contextlib.suppress(OSError):
            os.write(CONTROL, line.encode())


def _is_closed(descriptor: int) -> bool:
    """Say whether the other end of a readable socket is gone (reset, if it left something unread)."""
    try:
        return not os.read(descriptor, 4096)
    except ConnectionResetError:
        return True


def kill(pids: set[int]) -> None:
    """Kill the processes that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def main(arguments: Sequence[str]) -> None:
    """Parse `arguments` and guard the program named last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stop-signal", type=int, default=int(signal.SIGTERM))
    parser.add_argument("--grace", type=float, default=10.0, help="seconds between asking and killing")
    parser.add_argument("program", nargs="+")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    Guard(options.program, stop_signal=options.stop_signal, grace_s=options.grace).run()


if __name__ == "__main__":
    main(sys.argv[1:])
