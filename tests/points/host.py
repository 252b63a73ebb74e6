"""A warmed process that forks one life after the other: `python -m tests.points.host`.

It reads one JSON object a line, `{"life": number, "fatal": n, "play": bool}`, forks a child that lives that
life, and answers with one line: the child's exit status, the moments it passed, what it reported. The host
itself never connects to anything, so that a child inherits no session of anybody.
"""

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

LIFE_S = 60
"""After which a child that does not end is ended: a hang is a failure like any other."""


def main() -> None:
    """Load everything once, then serve until standard input ends."""
    import django

    django.setup()
    from tests.points import life, moments  # noqa: F401 - warmed before the forks

    for line in sys.stdin:
        sys.stdout.write(json.dumps(_live(json.loads(line))) + "\n")
        sys.stdout.flush()


def _live(asked: dict[str, Any]) -> dict[str, Any]:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _child(asked, write)
    os.close(write)
    timer = threading.Timer(LIFE_S, os.kill, (child, signal.SIGKILL))
    timer.start()
    with os.fdopen(read) as told:
        words = [json.loads(line) for line in told]
    _, status = os.waitpid(child, 0)
    timer.cancel()
    return {"exit": os.waitstatus_to_exitcode(status), **{k: v for word in words for k, v in word.items()}}


def _child(asked: dict[str, Any], write: int) -> None:
    """Live: the sequencer in this thread, everybody else in another; whoever ends first ends all."""
    from django.conf import settings

    from exchange.sequencer.process import serve
    from tests.points.life import Life
    from tests.points.moments import Moments

    def tell(**word: Any) -> None:
        os.write(write, json.dumps(word).encode() + b"\n")

    moments = Moments(asked.get("fatal", 0), lambda moment: tell(died=moment))
    directory = Path(asked["directory"])
    settings.SEQUENCER_SOCKET = str(directory / "s")
    life = Life(asked["life"], directory)

    def live() -> None:
        try:
            report = life.run(moments)
            tell(passed=moments.passed, report=report)
            os._exit(0)
        except BaseException as error:
            traceback.print_exc()
            tell(error=repr(error))
            os._exit(1)

    threading.Thread(target=live, daemon=True).start()
    os._exit(serve(shard="main", socket_path=directory / "s", queue_limit=100))


if __name__ == "__main__":
    main()
