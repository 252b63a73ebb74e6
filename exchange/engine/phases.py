"""The trading phases and what each permits: the one table that everything else asks."""

from typing import Final

import msgspec

from exchange.engine.orders import Phase, TimeInForce

_NONE: Final[frozenset[TimeInForce]] = frozenset()
_IMMEDIATE: Final[frozenset[TimeInForce]] = frozenset(("IOC", "FOK"))
_RESTING: Final[frozenset[TimeInForce]] = frozenset(("GTC", "GFA"))


class Permission(msgspec.Struct, frozen=True, gc=False):
    """What a phase permits.

    Times in force of new limit and market orders (with none at all, nothing enters or is replaced);
    whether they `match` at once; whether a `call` is open, in which orders only rest until an uncross;
    cancels; and whether a replace must be `improving`: no price further away, no fewer lots.
    """

    limit_tifs: frozenset[TimeInForce] = _NONE
    market_tifs: frozenset[TimeInForce] = _NONE
    match: bool = False
    call: bool = False
    cancel: bool = True
    improving: bool = False


PERMISSIONS: Final[dict[Phase, Permission]] = {
    "pre_open": Permission(_RESTING, _RESTING, call=True),
    "continuous": Permission(_IMMEDIATE | {"GTC"}, _IMMEDIATE, match=True),
    "auction": Permission(_RESTING, _RESTING, call=True),
    "no_cancel": Permission(_RESTING, _RESTING, call=True, cancel=False, improving=True),
    "cancel_only": Permission(),
    "halted": Permission(cancel=False),
    "closed": Permission(),
}
