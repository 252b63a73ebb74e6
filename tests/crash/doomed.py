"""A sequencer that kills itself: `python -m tests.crash.doomed POINT N [arguments of manage.py sequencer]`.

After a SIGUSR1 it counts how often it comes by the point, and at the N-th time ends by SIGKILL.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Place(NamedTuple):
    """A function of a module or class, and whether the point lies after it."""

    module: str
    owner: str | None
    function: str
    is_after: bool


POINTS = {
    "fenced": Place("exchange.sequencer.store", "Store", "open_batch", True),
    "decided": Place("exchange.sequencer.batch", "Sequencer", "_write", False),
    "posted": Place("exchange.sequencer.batch", None, "ledger_send", True),
    "written": Place("exchange.sequencer.store", "Store", "write", True),
    "committed": Place("exchange.sequencer.batch", "Sequencer", "run", True),
    "answered": Place("exchange.sequencer.server", "Server", "answer", True),
}


def doomed(original: Callable[..., Any], *, is_after: bool, times: int) -> Callable[..., Any]:
    """Return the function with its fatal moment."""
    left = 0

    def arm(*_: object) -> None:
        nonlocal left
        left = times

    def function(*arguments: Any, **fields: Any) -> Any:
        nonlocal left
        left -= 1
        is_fatal = left == 0
        result = original(*arguments, **fields) if is_after or not is_fatal else None
        if is_fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    signal.signal(signal.SIGUSR1, arm)
    return function


def main() -> None:
    """Plant the fatal moment and run the sequencer."""
    import django
    from django.core.management import call_command

    django.setup()
    place = POINTS[sys.argv[1]]
    owner: Any = import_module(place.module)
    if place.owner is not None:
        owner = getattr(owner, place.owner)
    original = getattr(owner, place.function)
    setattr(owner, place.function, doomed(original, is_after=place.is_after, times=int(sys.argv[2])))
    call_command("sequencer", *sys.argv[3:])


if __name__ == "__main__":
    main()
