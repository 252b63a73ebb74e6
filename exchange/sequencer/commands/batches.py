"""Many orders, cancellations and replacements in one command: one journal row, one answer."""

from typing import Any

from core.errors import Code, CuxError
from exchange.sequencer import protocol as p
from exchange.sequencer.commands.decider import Decider


def decide_all(decider: Decider, command: p.Batch) -> dict[str, Any]:
    """Decide the items one after the other, each as if it had come alone; a refused one stops none.

    Raises:
        CuxError: INVALID_FIELD, none or too many, or one of another organisation.
    """
    if not 1 <= len(command.items) <= p.BATCH_MAX:
        raise CuxError(Code.INVALID_FIELD, f"A batch has 1 to {p.BATCH_MAX} items.", param="items")
    if any(item.organisation_id != command.organisation_id for item in command.items):
        raise CuxError(Code.INVALID_FIELD, "A batch is of one organisation.", param="items")
    verdicts = [decider.decide(item) for item in command.items]
    return {"results": [{"status": verdict.status, "body": verdict.body} for verdict in verdicts]}
