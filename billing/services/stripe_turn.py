"""One worker process of a machine at a time waits for Stripe, so that the others go on with everything else.

If Stripe hangs, each question takes twenty seconds to be given up; two workers that both wait would keep
jobs and the outbox waiting with them.
"""

import functools
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, ParamSpec

import structlog

from core.turn import turn

P = ParamSpec("P")
log = structlog.get_logger(__name__)
_PATIENCE_MS: Final = 1_000
_NAME: Final = f"stripe on {socket.gethostname()}"


def at_stripe(work: Callable[P, None]) -> Callable[P, None]:
    """Return `work` as it is done in turn; if the turn does not come soon, it is left to the reconcilers."""

    @functools.wraps(work)
    def in_turn(*args: P.args, **kwargs: P.kwargs) -> None:
        with stripe_turn() as ours:
            if ours:
                work(*args, **kwargs)
            else:
                log.info("stripe_turn_taken", work=work.__name__)

    return in_turn


def stripe_turn() -> AbstractContextManager[bool]:
    """Hold this machine's turn; yield whether it came within a second. No transaction may be open."""
    return turn(_NAME, patience_ms=_PATIENCE_MS)
