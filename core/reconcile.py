"""What every reconciler does: look at many rows, one after the other, whatever goes wrong with one."""

import uuid
from collections.abc import Callable, Iterable

import structlog

log = structlog.get_logger(__name__)


def for_each(ids: Iterable[uuid.UUID], step: Callable[[uuid.UUID], object], *, name: str) -> int:
    """Take each row's step and return how many did something (returned a true value).

    A step that raises is logged and does not stop the others: it is taken again the next time.
    """
    done = 0
    for row_id in ids:
        try:
            done += bool(step(row_id))
        except Exception:
            log.exception("reconcile_failed", reconciler=name, id=str(row_id))
    return done
