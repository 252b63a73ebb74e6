"""Around orders: the dead-man switch. Setting it needs the scope `trade`."""

from cux.client.call import Call, get, write
from cux.wire.batches import DeadMan, DeadManView


def dead_man_set(timeout_s: int, *, idempotency_key: str | None = None) -> Call[DeadManView]:
    """Have all open orders cancelled in `timeout_s` unless this is said again; 0 switches it off."""
    body = DeadMan(timeout_s=timeout_s)
    return write("PUT", "/v1/dead-man", DeadManView, body=body, idempotency_key=idempotency_key)


def dead_man_get() -> Call[DeadManView]:
    """Return the dead-man switch as it stands."""
    return get("/v1/dead-man", DeadManView)
