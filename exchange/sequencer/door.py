"""Who gets in: the number of commands inside is bounded, and each API key has a quota of orders.

All gateways come through this one door, so that the quota is exact whatever their number. It is kept in
memory: a new owner of the sequencer begins with whole quotas.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final

from core.errors import Code, CuxError
from core.quotas import PARTS, Buckets, Quota
from exchange.sequencer import protocol as p
from exchange.sequencer.rules import check_words

_CANCELS: Final = (p.CancelOrder, p.CancelAll, p.SetDeadMan, p.WithdrawStandingOffer)
"""They pass when the exchange is busy, and cost a fifth of an order."""
CANCEL_PARTS: Final = 1


def cost_of(command: p.Command) -> int:
    """Return what a command takes out of its caller's quota, in fifths of an order."""
    if isinstance(command, p.Batch):
        return sum(cost_of(item) for item in command.items)
    return CANCEL_PARTS if isinstance(command, _CANCELS) else PARTS


def _only_cancels(command: p.Command) -> bool:
    if isinstance(command, p.Batch):
        return all(_only_cancels(item) for item in command.items)
    return isinstance(command, _CANCELS)


class Door:
    """Lets commands in, at most `limit` at a time, and each key's within its quota.

    Cancels are let in always; a batch counts as its items.
    """

    def __init__(self, limit: int, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Start with nobody inside and every quota whole."""
        self._limit = limit
        self._clock_ns = clock_ns
        self._inside = 0
        self._buckets = Buckets()

    def admit(self, request: p.Request) -> tuple[CuxError | None, p.Allowance | None]:
        """Let a command in, or return why not; and what its caller may still send.

        Codes: INVALID_FIELD, words that cannot be stored; SEQUENCER_BUSY; RATE_LIMITED. What is refused
        for another reason than its rate costs nothing.
        """
        command = request.command
        try:
            check_words(command)
        except CuxError as error:
            return error, None
        if self._inside >= self._limit and not _only_cancels(command):
            return CuxError(Code.SEQUENCER_BUSY), None
        allowance = self._charge(request.caller, cost_of(command)) if request.caller is not None else None
        if allowance is not None and not allowance.passed:
            message = None if allowance.retry_after_s else "This is more than the key's whole quota."
            return CuxError(Code.RATE_LIMITED, message, retry_after_s=allowance.retry_after_s), allowance
        self._inside += p.weight_of(command)
        return None, allowance

    def leave(self, commands: Iterable[p.Command]) -> None:
        """Note that these commands have been answered."""
        self._inside -= sum(p.weight_of(command) for command in commands)

    def _charge(self, caller: p.Caller, cost: int) -> p.Allowance:
        quota = Quota(limit=caller.order_limit, window_s=caller.order_window_s)
        return p.Allowance(*self._buckets.take(caller.key_id, quota, cost, self._clock_ns()))
