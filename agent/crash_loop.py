"""Tell an engine that crashes now and then from one that can not run here."""

from collections import deque
from dataclasses import dataclass, field

CRASHES = 3
WINDOW_S = 600.0


@dataclass(slots=True)
class CrashLoop:
    """Looping: three crashes within ten minutes, none of which followed `settled`."""

    crashes: deque[float] = field(default_factory=lambda: deque(maxlen=CRASHES))

    def crashed(self, now_s: float) -> None:
        """Record a crash at `now_s` of a clock that never goes back."""
        self.crashes.append(now_s)

    def settled(self) -> None:
        """Forget the crashes: the engine has worked."""
        self.crashes.clear()

    def is_looping(self, now_s: float) -> bool:
        """Whether restarting alone will not help any more."""
        return len(self.crashes) == CRASHES and now_s - self.crashes[0] <= WINDOW_S
