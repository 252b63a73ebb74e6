"""The supervisor: order, restarts, and no orphan however it ends. With tiny processes of /bin/sh."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from core.embedded import Postgres, Valkey
from core.embedded.paths import REPOSITORY
from core.supervisor import Process, Restart, State, Supervisor, SupervisorError, guard, ready
from core.supervisor.servers import server_processes
from tests.waiting import eventually, is_alive

FOREVER = "while :; do sleep 60; done"


def shell(name: str, script: str, **options: object) -> Process:
    return Process(name, ["/bin/sh", "-c", script], **options)  # type: ignore[arg-type]


def supervise(
    processes: list[Process], var: Path, during: Callable[[Supervisor], Awaitable[None]]
) -> Supervisor:
    async def main() -> Supervisor:
        async with Supervisor(processes, var=var) as supervisor:
            await during(supervisor)
        return supervisor

    return asyncio.run(main())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (another process brings it about)
            await asyncio.sleep(0.01)


def pids_in(path: Path, count: int) -> list[int]:
    """Return the process ids written to `path`, once there are `count` of them."""
    eventually(lambda: path.exists() and len(path.read_text().split()) == count)
    return [int(word) for word in path.read_text().split()]


def test_starts_in_order_and_stops_in_reverse(tmp_path: Path) -> None:
    record = tmp_path / "record"
    script = (
        "trap 'echo stop {0} >>{1}; exit 0' TERM; echo start {0} >>{1}; echo open; "
        "while :; do sleep 0.01; done"
    )
    processes = [
        shell(name, script.format(name, record), start_after=after, ready=ready.log_line("^open$"))
        for name, after in (("a", []), ("b", ["a"]), ("c", ["b"]))
    ]

    async def during(supervisor: Supervisor) -> None:
        assert [supervisor.state(name) for name in "abc"] == [State.UP] * 3

    supervisor = supervise(processes, tmp_path, during)

    expected = ["start a", "start b", "start c", "stop c", "stop b", "stop a"]
    assert record.read_text().splitlines() == expected
    assert [supervisor.state(name) for name in "abc"] == [State.STOPPED] * 3
    assert not (tmp_path / "run" / "supervisor.json").exists()


def test_what_is_added_later_starts_after_what_it_names_and_stops_before_it(tmp_path: Path) -> None:
    record = tmp_path / "record"
    script = (
        "trap 'echo stop {0} >>{1}; exit 0' TERM; echo start {0} >>{1}; echo open; "
        "while :; do sleep 0.01; done"
    )
    is_open = ready.log_line("^open$")

    async def during(supervisor: Supervisor) -> None:
        late = shell("b", script.format("b", record), start_after=["a"], ready=is_open)
        supervisor.add(late)
        await supervisor.wait_ready("b")
        for wrong, reason in (
            (late, "b is listed twice"),
            (shell("d", "true", start_after=["c"]), "not listed"),
        ):
            with pytest.raises(SupervisorError, match=reason):
                supervisor.add(wrong)
        status = json.loads((tmp_path / "run" / "supervisor.json").read_text())
        assert sorted(status["processes"]) == ["a", "b"]

    supervise([shell("a", script.format("a", record), ready=is_open)], tmp_path, during)
    assert record.read_text().splitlines() == ["start a", "start b", "stop b", "stop a"]


def test_restarts_what_was_killed_and_ends_what_that_had_started(tmp_path: Path) -> None:
    helpers = tmp_path / "helpers"
    script = f"setsid sleep 1000 & echo $! >>{helpers}; {FOREVER}"  # like an engine behind its API server

    async def during(supervisor: Supervisor) -> None:
        await until(lambda: helpers.exists() and helpers.read_text())
        first, helper = supervisor.pid("api"), int(helpers.read_text())
        supervisor.kill("api")
        await until(lambda: supervisor.restarts("api") == 1 and supervisor.state("api") is State.UP)

        assert first is not None
        assert not is_alive(first)
        assert not is_alive(helper)
        status = json.loads((tmp_path / "run" / "supervisor.json").read_text())
        assert status["supervisor_pid"] == os.getpid()
        seen = status["processes"]["api"]
        assert (seen["pid"], seen["state"], seen["restarts"]) == (supervisor.pid("api"), "up", 1)
        await until(lambda: len(helpers.read_text().split()) == 2)

    supervise([shell("api", script)], tmp_path, during)

    assert not any(is_alive(pid) for pid in pids_in(helpers, 2))


def test_says_so_when_what_is_to_be_killed_has_ended_before_it_was_told(tmp_path: Path) -> None:
    async def during(supervisor: Supervisor) -> None:
        pid = supervisor.pid("api")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{pid}").exists())  # the loop stands still: it is not told

        with pytest.raises(SupervisorError, match=r"^api has just ended by itself\.$"):
            supervisor.kill("api")

    supervise([shell("api", FOREVER)], tmp_path, during)


def test_a_killed_guard_takes_its_process_and_all_below_with_it(tmp_path: Path) -> None:
    helpers = tmp_path / "helpers"
    script = f"setsid sleep 1000 & echo $! >>{helpers}; sleep 1000 & echo $! >>{helpers}; {FOREVER}"

    async def during(supervisor: Supervisor) -> None:
        await until(lambda: helpers.exists() and len(helpers.read_text().split()) == 2)
        first = supervisor.pid("api")
        status = json.loads((tmp_path / "run" / "supervisor.json").read_text())
        os.kill(status["processes"]["api"]["guard_pid"], signal.SIGKILL)
        await until(lambda: supervisor.restarts("api") == 1)
        assert first is not None
        assert not is_alive(first)
        assert not any(is_alive(pid) for pid in pids_in(helpers, 2))

    supervise([shell("api", script)], tmp_path, during)


def test_what_ignores_the_stop_signal_is_killed_after_its_grace(tmp_path: Path) -> None:
    stubborn = shell(
        "stubborn", f"trap '' TERM; echo deaf; {FOREVER}", ready=ready.log_line("deaf"), grace_s=0.2
    )
    pids: list[int] = []

    async def during(supervisor: Supervisor) -> None:
        pids.append(supervisor.pid("stubborn") or 0)

    supervise([stubborn], tmp_path, during)

    assert not is_alive(pids[0])


def test_a_task_that_is_done_lets_others_start_and_is_not_repeated(tmp_path: Path) -> None:
    task = shell("task", f"echo once >>{tmp_path}/task", ready=ready.completed(), restart=Restart.ON_FAILURE)
    after = shell(
        "after", f"cat {tmp_path}/task; {FOREVER}", start_after=["task"], ready=ready.log_line("once")
    )

    async def during(supervisor: Supervisor) -> None:
        assert (supervisor.state("task"), supervisor.state("after")) == (State.DONE, State.UP)

    supervise([task, after], tmp_path, during)

    assert (tmp_path / "task").read_text() == "once\n"


def test_a_task_that_fails_stops_everything_and_shows_its_log(tmp_path: Path) -> None:
    task = shell("task", "echo no such table; exit 3", ready=ready.completed(), restart=Restart.NEVER)
    after = shell("after", f"touch {tmp_path}/ran", start_after=["task"])

    with pytest.raises(SupervisorError, match=r"(?s)task failed.*no such table"):
        Supervisor([task, after], var=tmp_path).run()

    assert not (tmp_path / "ran").exists()


def test_readiness_by_http_and_by_socket(tmp_path: Path) -> None:
    server = (
        "import http.server, socket; s = http.server.HTTPServer(('127.0.0.1', 0), http.server."
        "SimpleHTTPRequestHandler); open('port.new', 'w').write(str(s.server_port)); "
        "import os; os.rename('port.new', 'port'); u = socket.socket(socket.AF_UNIX); u.bind('sock'); "
        "u.listen(); s.serve_forever()"
    )

    async def answers(run: object) -> bool:
        return await ready.http_ok(f"http://127.0.0.1:{(tmp_path / 'port').read_text()}/port")(run)  # type: ignore[arg-type]

    async def during(supervisor: Supervisor) -> None:
        assert await ready.unix_socket(tmp_path / "sock")(None)  # type: ignore[arg-type]

    process = Process("web", [sys.executable, "-c", server], cwd=tmp_path, ready=answers)
    supervise([process], tmp_path, during)


def test_an_order_that_cannot_be_is_refused() -> None:
    with pytest.raises(SupervisorError, match=r"b starts after \['a'\], not listed before it"):
        Supervisor([shell("b", "true", start_after=["a"]), shell("a", "true")])


SUPERVISOR_PROGRAM = """
import sys
from core.supervisor import Process, Supervisor
pids = sys.argv[1] + "/pids"
script = f"setsid sleep 1000 & echo $! >>{pids}; echo $$ >>{pids}; while :; do sleep 60; done"
processes = [Process(name, ["/bin/sh", "-c", script]) for name in ("a", "b")]
sys.exit(Supervisor(processes, var=sys.argv[1]).run())
"""


def launch(var: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR_PROGRAM, str(var)],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("number", "returncode"),
    [(signal.SIGKILL, -9), (signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_no_orphan_however_the_supervisor_ends(
    tmp_path: Path, number: signal.Signals, returncode: int
) -> None:
    with launch(tmp_path) as supervisor:
        pids = pids_in(tmp_path / "pids", 4)
        assert all(is_alive(pid) for pid in pids)
        supervisor.send_signal(number)
        assert supervisor.wait(20) == returncode
    eventually(lambda: not any(is_alive(pid) for pid in pids))


def test_a_second_supervisor_is_told_who_is_first(tmp_path: Path) -> None:
    with launch(tmp_path) as first:
        pids_in(tmp_path / "pids", 4)
        with launch(tmp_path) as second:
            _, errors = second.communicate(timeout=20)
            assert second.returncode == 1
            assert f"Another supervisor (process {first.pid}) is at work on {tmp_path}" in errors
        first.terminate()
        assert first.wait(20) == 143
    assert len((tmp_path / "pids").read_text().split()) == 4


def test_the_embedded_servers_come_back_after_kill_9_and_shut_down_cleanly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DATABASE_URL", "BROKER_URL"):
        monkeypatch.delenv(variable, raising=False)

    async def during(supervisor: Supervisor) -> None:
        for name in ("postgres", "valkey"):
            supervisor.kill(name)
            await until(lambda name=name: supervisor.restarts(name) == 1)  # type: ignore[misc]
            await supervisor.wait_ready(name, timeout_s=60)

    supervise(server_processes(tmp_path), tmp_path, during)

    assert not any(server(tmp_path).is_running() for server in (Postgres, Valkey))
    assert "database system is shut down" in (tmp_path / "log" / "postgres.log").read_text().splitlines()[-1]


def test_a_guard_whose_supervisor_died_without_reading_its_word_ends_everything(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"setsid sleep 1000 & echo $! >>{pids}; echo $$ >>{pids}; {FOREVER}"
    ours, theirs = socket.socketpair()
    with theirs:
        started = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, "--", "/bin/sh", "-c", script],
            stdin=theirs.fileno(),
        )
    with started:
        below = pids_in(pids, 2)
        ours.close()  # "pid N" lies in it unread: the guard's end is reset, not merely at its end
        assert started.wait(10) == 0
    assert not any(is_alive(pid) for pid in below)
