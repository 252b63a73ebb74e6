"""What to do about a refusal, in the words of the pages."""

from dataclasses import dataclass
from typing import Final

from core.errors import Code, CuxError


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do next, and the name of the page where."""

    text: str
    page: str = ""


_ADVICE: Final = {
    Code.INSUFFICIENT_ENTITLEMENT: Advice("Buy compute units, then ask again.", "web:market"),
    Code.BUDGET_EXCEEDED: Advice("Raise the budget, or wait for its next window."),
    Code.ENTITLEMENT_EXPIRED: Advice("Buy compute units with a new window.", "web:market"),
    Code.INSUFFICIENT_BALANCE: Advice("Lower the quantity or the price, or cancel an open order."),
    Code.INSUFFICIENT_CAPACITY: Advice("Offer less, or wait until sold compute is drawn."),
    Code.NO_CAPACITY: Advice("Only providers sell. Buy instead, or enrol an agent to offer capacity."),
    Code.DRAW_LIMIT: Advice("Wait until a running job has ended, then ask again."),
    Code.CONTEXT_LENGTH_EXCEEDED: Advice("Shorten the question, or allow fewer tokens."),
    Code.SEQUENCER_UNAVAILABLE: Advice("Send it again: it cannot be placed twice."),
    Code.SEQUENCER_BUSY: Advice("Send it again in a moment: it cannot be placed twice."),
    Code.DEPENDENCY_UNAVAILABLE: Advice("Try again in a moment; nothing moved."),
    Code.JOB_FAILED: Advice("Nothing was charged. Ask again."),
    Code.JOB_TIMED_OUT: Advice("Nothing was charged. Ask again, perhaps for fewer tokens."),
    Code.INSTRUMENT_NOT_TRADING: Advice("Cancelling still works; wait until trading goes on."),
    Code.IDEMPOTENCY_KEY_REUSED: Advice("Look at your orders, then send it again if it is not there."),
}


def advice_on(error: CuxError) -> Advice | None:
    """Return what to do about a refusal, where that is not said by its message."""
    return _ADVICE.get(error.code)
