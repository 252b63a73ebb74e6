"""Run a program so that nothing of it outlives the agent: `python guard.py PARENT_PID GRACE_S PROGRAM…`.

vLLM is several processes, and its engine stays behind when its server is killed. The guard leads a session
of its own and starts the program in it. When the program ends, when the guard is told to stop, or when the
agent is gone (even by SIGKILL: the kernel then sends the guard SIGTERM), it ends the program with SIGTERM,
and after the grace with SIGKILL whatever is left of the session. It exits as the program did.

It is run as a file, by an isolated Python: the program inherits no module path from it.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
SIGNAL_EXIT = 128


def session_pids(session: int) -> Iterator[int]:
    """Yield the processes of a session, zombies left out, as /proc shows them now."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            # After the command in parentheses: state, parent, process group, session.
            state, _, _, sid = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(sid) == session and state != "Z":
            yield int(entry.name)


def kill_session(session: int, *, spare: int | None = None) -> None:
    """Send SIGKILL to every process of a session except `spare`, until none is left."""
    while pids := [pid for pid in session_pids(session) if pid != spare]:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel to send this process `signal_number` when its parent ends (Linux)."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number)


def main(parent: int, grace_s: float, program: list[str]) -> int:
    """Run `program` until it ends or this process is told to stop; return its exit status."""
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        return SIGNAL_EXIT + signal.SIGTERM  # the agent was gone before the kernel knew whom to tell
    child: subprocess.Popen[bytes] | None = None

    def stop(_number: int, _frame: FrameType | None) -> None:
        # Once is enough: the agent's end and its own request may both come.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if child is not None:
            child.terminate()
            signal.setitimer(signal.ITIMER_REAL, grace_s)

    def give_up(_number: int, _frame: FrameType | None) -> None:
        if child is not None:
            child.kill()

    signal.signal(signal.SIGALRM, give_up)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        child = subprocess.Popen(program, preexec_fn=_become_child)  # noqa: PLW1509 (one thread)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
        status = child.wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        kill_session(os.getsid(0), spare=os.getpid())
    return status if status >= 0 else SIGNAL_EXIT - status


def _become_child() -> None:
    die_with_parent(signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
