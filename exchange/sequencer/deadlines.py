"""What the exchange has promised to do by itself, and when. Pure: the caller knows what time it is."""

from datetime import datetime
from heapq import heapify, heappop, heappush

Key = tuple[str, str]
"""The kind of deadline and what it is about (`expiry` of an order, say)."""


class Deadlines:
    """At most one moment for each key; those of one moment come in the order of their keys."""

    def __init__(self) -> None:
        """Start without any."""
        self._at: dict[Key, datetime] = {}
        self._heap: list[tuple[datetime, Key]] = []

    def set(self, key: Key, at: datetime) -> None:
        """Have the key fall due at this moment, and no longer at another."""
        if self._at.get(key) != at:
            self._at[key] = at
            heappush(self._heap, (at, key))
            self._compact()

    def clear(self, key: Key) -> None:
        """Forget the key, if it is known."""
        if self._at.pop(key, None) is not None:
            self._compact()

    def postpone(self, key: Key, until: datetime) -> None:
        """Have a known key fall due no earlier than this."""
        if self._at.get(key, until) < until:
            self.set(key, until)

    def is_due(self, key: Key, now: datetime) -> bool:
        """Tell whether the key is known and its moment has come."""
        return key in self._at and self._at[key] <= now

    def first(self) -> datetime | None:
        """Return the moment at which something falls due next."""
        self._skip()
        return self._heap[0][0] if self._heap else None

    def due(self, now: datetime, limit: int) -> list[Key]:
        """Return at most `limit` keys that are due, the longest overdue first; they stay known."""
        found: dict[Key, datetime] = {}  # one that was cleared and set again is in the heap twice
        self._skip()
        while len(found) < limit and self._heap and self._heap[0][0] <= now:
            at, key = heappop(self._heap)
            found[key] = at
            self._skip()
        for key, at in found.items():
            heappush(self._heap, (at, key))
        return list(found)

    def _compact(self) -> None:
        """Drop all that was moved or cleared once it is most of the heap, as renewals without end make it."""
        if len(self._heap) > 2 * len(self._at) + 64:
            self._heap = [(at, key) for key, at in self._at.items()]
            heapify(self._heap)

    def _skip(self) -> None:
        """Drop what was moved or cleared from the front of the heap."""
        heap = self._heap
        while heap and self._at.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
