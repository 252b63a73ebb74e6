"""What the reconcilers of money through Stripe do: one row after the other, as long as Stripe answers."""

import uuid
from collections.abc import Callable, Iterable

import structlog

from billing import stripe_gateway as gateway

log = structlog.get_logger(__name__)


def while_available(ids: Iterable[uuid.UUID], step: Callable[[uuid.UUID], object], *, name: str) -> int:
    """Take each row's step and return how many did something (returned a true value).

    A step that raises does not stop the others, unless Stripe is away: then each would wait for it in turn.
    """
    done = 0
    for row_id in ids:
        try:
            done += bool(step(row_id))
        except gateway.Unavailable:
            log.warning("stripe_unavailable", reconciler=name, id=str(row_id))
            return done
        except Exception:
            log.exception("reconcile_failed", reconciler=name, id=str(row_id))
    return done
