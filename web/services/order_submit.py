"""Orders from the pages: one command to the sequencer, and its verdict as an order or a refusal."""

import uuid
from typing import Final

import msgspec

from core.errors import Code, CuxError
from cux.wire.orders import OrderView
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Caller, CancelAll, CancelOrder, NewOrder, Verdict

ORDERS_PER_S: Final = 20
"""What the people of an organisation may send in a second from its pages, previews included."""


def order_submit(*, order: NewOrder) -> OrderView:
    """This function will place the order, once per key, and return what became of it.

    Raises:
        CuxError: the sequencer's refusal, RATE_LIMITED too; SEQUENCER_BUSY, SEQUENCER_UNAVAILABLE (repeat
            with the same key).
    """
    verdict = submit_sync(order, caller=people_of(order.organisation_id))
    raise_refusal(verdict)
    return msgspec.convert(verdict.body, OrderView)


def order_cancel(*, command: CancelOrder | CancelAll) -> None:
    """This function will cancel one open order, or all. Raises CuxError as `order_submit`."""
    raise_refusal(submit_sync(command, caller=people_of(command.organisation_id)))


def people_of(organisation_id: uuid.UUID) -> Caller:
    """Return as whom an organisation's pages are counted at the sequencer's door: all together."""
    return Caller(organisation_id, ORDERS_PER_S, 1)


def raise_refusal(verdict: Verdict) -> None:
    """Raise the refusal that a verdict is, if it is one, as the CuxError that it was."""
    if verdict.status >= 400:
        error = verdict.body["error"]
        raise CuxError(Code.of_wire(error["code"], Code.INTERNAL), error["message"], param=error["param"])
