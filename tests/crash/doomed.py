"""A sequencer that ends or pauses itself: `python -m tests.crash.doomed POINT N SIGNAL [arguments…]`.

After a SIGUSR1 it counts how often it comes by the point, and at the N-th time sends itself the signal,
SIGKILL or SIGSTOP. The arguments are those of `manage.py sequencer`.
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
    "looked_up": Place("exchange.sequencer.store", "Question", "answer", True),
    "decided": Place("exchange.sequencer.batch", "Sequencer", "send", False),
    "posted": Place("exchange.sequencer.store", None, "ledger_statement", True),
    "sent": Place("exchange.sequencer.batch", "Sequencer", "send", True),
    "committed": Place("exchange.sequencer.batch", "Decision", "verdicts", True),
    "answered": Place("exchange.sequencer.server", "Server", "answer", True),
}


def doomed(
    original: Callable[..., Any], *, is_after: bool, times: int, number: signal.Signals
) -> Callable[..., Any]:
    """Return the function with its fatal moment."""
    left = 0

    def arm(*_: object) -> None:
        nonlocal left
        left = times

    def function(*arguments: Any, **fields: Any) -> Any:
        nonlocal left
        left -= 1
        is_fatal = left == 0
        if is_fatal and not is_after:
            os.kill(os.getpid(), number)
        result = original(*arguments, **fields)
        if is_fatal and is_after:
            os.kill(os.getpid(), number)
        return result

    signal.signal(signal.SIGUSR1, arm)
    return function


def program(point: str, times: int, number: signal.Signals) -> tuple[str, ...]:
    """Return the arguments of Python that run this."""
    return ("-m", __name__, point, str(times), number.name)


def main() -> None:
    """Plant the fatal moment and run the sequencer."""
    import django
    from django.core.management import call_command

    django.setup()
    place = POINTS[sys.argv[1]]
    owner: Any = import_module(place.module)
    if place.owner is not None:
        owner = getattr(owner, place.owner)
    fatal = doomed(
        getattr(owner, place.function),
        is_after=place.is_after,
        times=int(sys.argv[2]),
        number=signal.Signals[sys.argv[3]],
    )
    setattr(owner, place.function, fatal)
    call_command("sequencer", *sys.argv[4:])


if __name__ == "__main__":
    main()
