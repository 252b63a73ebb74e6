"""When Python looks for cycles: seldom, and never at what lives as long as the process.

Each look walks what it covers while nobody is served; by default it comes every few orders, and now and
then at everything that is in memory.
"""

import gc
from typing import Final

_YOUNG: Final = 20_000
"""New objects between two looks at them: one takes a millisecond or two."""
_MIDDLE: Final = 50
_OLD: Final = 100
_NEVER: Final = 2**31 - 1


def settle(*, look_at_old: bool) -> None:
    """Take what is in memory now for permanent, and look at new objects seldom.

    `look_at_old` is for processes whose memory holds little: a book with a million orders is a second's walk.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD if look_at_old else _NEVER)
