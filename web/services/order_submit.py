"""Orders from the pages: one command to the sequencer, and its verdict as an order or a refusal."""

from typing import Final

import msgspec

from core.errors import Code, CuxError
from cux.wire.orders import OrderView
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import CancelAll, CancelOrder, NewOrder, Verdict

_CODES: Final = {code.wire: code for code in Code}


def order_submit(*, order: NewOrder) -> OrderView:
    """This function will place the order, once per key, and return what became of it.

    Raises:
        CuxError: the sequencer's refusal; SEQUENCER_BUSY, SEQUENCER_UNAVAILABLE (repeat with the same key).
    """
    verdict = submit_sync(order)
    raise_refusal(verdict)
    return msgspec.convert(verdict.body, OrderView)


def order_cancel(*, command: CancelOrder | CancelAll) -> None:
    """This function will cancel one open order, or all. Raises CuxError as `order_submit`."""
    raise_refusal(submit_sync(command))


def raise_refusal(verdict: Verdict) -> None:
    """Raise the refusal that a verdict is, if it is one, as the CuxError that it was."""
    if verdict.status >= 400:
        error = verdict.body["error"]
        raise CuxError(_CODES[error["code"]], error["message"], param=error["param"])
