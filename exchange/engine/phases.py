"""The trading phases and what each permits: the one table that everything else asks."""

from typing import Final, Literal

import msgspec

from exchange.engine.orders import Phase

Entry = Literal["matches", "rests", "none"]
"""What becomes of a new or replaced order: it trades as the taker, it only rests, or it is refused."""


class Permission(msgspec.Struct, frozen=True, gc=False):
    """What a phase permits.

    Where orders only rest they are called to an auction, which may be uncrossed. With `improving` a
    replace may make an order better, never worse: no price further away, no fewer lots.
    """

    entry: Entry
    cancel: bool = True
    improving: bool = False


PERMISSIONS: Final[dict[Phase, Permission]] = {
    "pre_open": Permission("rests"),
    "continuous": Permission("matches"),
    "auction": Permission("rests"),
    "no_cancel": Permission("rests", cancel=False, improving=True),
    "cancel_only": Permission("none"),
    "halted": Permission("none", cancel=False),
    "closed": Permission("none"),
}
