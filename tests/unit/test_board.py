"""What people see of the processes while they start."""

import io
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from core.supervisor.board import Display, table
from core.supervisor.process import Process, State

LOGS = Path("/srv/cux/log")


@dataclass
class Child:
    process: Process
    state: State
    since: float = 100.0
    pid: int | None = None
    guard_pid: int | None = None
    restarts: int = 0
    log_path: Path = LOGS / "x.log"


def children() -> dict[str, Child]:
    return {
        "web": Child(Process("web", ["web"]), State.UP, pid=4711),
        "agent": Child(Process("agent", ["agent"], note="loads vLLM"), State.STARTING, pid=4712),
        "relay": Child(Process("relay", ["relay"]), State.BACKOFF, restarts=2),
        "seed": Child(Process("seed", ["seed"]), State.WAITING),
    }


def test_the_table_says_for_how_long_and_why_something_is_not_up_yet() -> None:
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as shown:
        console.print(table(children(), LOGS, now=134.4))
    assert [line.split() for line in shown.get().splitlines()] == [
        ["process", "state", "pid"],
        ["web", "up", "4711"],
        ["agent", "starting", "4712", "34", "s,", "loads", "vLLM"],
        ["relay", "backoff", "34", "s,", "restart", "2"],
        ["seed", "waiting"],
        ["logs:", "/srv/cux/log"],
    ]


def test_without_a_terminal_each_change_is_a_line_and_time_is_none() -> None:
    out = io.StringIO()
    display = Display(Console(file=out, width=80), LOGS)
    everything = children()
    display.open()
    for name in ("seed", "agent", "agent", "web"):
        display.show(name, everything)
    display.tick(everything)
    display.close()
    assert out.getvalue().splitlines() == [
        "logs: /srv/cux/log",
        "agent: starting, loads vLLM, process 4712",
        "web: up, process 4711",
    ]


def test_a_terminal_sees_the_seconds_go_by_only_while_something_starts() -> None:
    out = io.StringIO()
    display = Display(Console(file=out, width=80, force_terminal=True), LOGS)
    everything = children()
    display.open()
    display.tick(everything)
    assert "loads vLLM" in out.getvalue()
    for child in everything.values():
        child.state = State.UP
    before = out.getvalue()
    display.tick(everything)
    assert out.getvalue() == before
    display.close()
