"""The state of one double: objects, jobs of the future, idempotency keys. All of it is JSON."""

import hashlib
import heapq
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from stripe_double.errors import no_such

Json = dict[str, Any]
Job = tuple[float, int, int, str, Json]
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
API_VERSION = "2026-10-28.endive"
PLATFORM = "acct_1PlatformOfTheDouble"


@dataclass
class World:
    """Everything that a restart must bring back."""

    salt: str = field(default_factory=lambda: secrets.token_hex(8))
    offset_s: float = 0.0
    # How many ids of a prefix, and how many jobs, there have been.
    serials: dict[str, int] = field(default_factory=dict)
    objects: dict[str, Json] = field(default_factory=dict)
    # Whose an object is: a connected account's id, or "" for the platform.
    owners: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, list[str]] = field(default_factory=dict)
    # What an object never shows: a card's number, a link's return address.
    secrets: dict[str, Json] = field(default_factory=dict)
    balances: dict[str, dict[str, int]] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    keys: dict[str, Json] = field(default_factory=dict)
    endpoints: list[Json] = field(default_factory=list)
    deliveries: list[Json] = field(default_factory=list)
    settings: Json = field(default_factory=dict)
    chaos: Json = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def now(self) -> float:
        """Return the double's time, Unix seconds."""
        return time.time() + self.offset_s

    def second(self) -> int:
        """Return the double's time in whole Unix seconds."""
        return int(self.now())

    def next(self, series: str) -> int:
        """Return the next number of a series, from 1."""
        self.serials[series] = self.serials.get(series, 0) + 1
        return self.serials[series]

    def count(self, name: str) -> int:
        """Count one more of `name`; return how many there were before."""
        before = self.counts.get(name, 0)
        self.counts[name] = before + 1
        return before

    def new_id(self, prefix: str, length: int = 24) -> str:
        """Return a fresh id like Stripe's: prefix and letters; the same for the same salt and number."""
        return f"{prefix}_{letters(f'{self.salt}:{prefix}:{self.next(prefix)}', length)}"

    def add(self, item: Json, account: str = "", /, **hidden: Any) -> Json:
        """Keep a new object of the platform or of a connected account; return it."""
        identifier = item["id"]
        self.objects[identifier] = item
        self.owners[identifier] = account
        self.kinds.setdefault(item["object"], []).append(identifier)
        self.secrets[identifier] = hidden
        return item

    def get(
        self, kind: str, identifier: str, account: str = "", param: str = "id", status: int = 404
    ) -> Json:
        """Return an object. Raises StripeError `resource_missing` if the account has none of this id."""
        item = self.objects.get(identifier)
        if item is None or item["object"] != kind or self.owners[identifier] != account:
            raise no_such(kind, identifier, param, status)
        return item

    def all(self, kind: str, account: str = "") -> Iterator[Json]:
        """Yield an account's objects of a kind, the newest first."""
        for identifier in reversed(self.kinds.get(kind, [])):
            if self.owners[identifier] == account:
                yield self.objects[identifier]

    def at(self, due: float, job: str, rank: int = 0, **arguments: Any) -> None:
        """Have a job done when the clock reaches `due`; of equal times the lower rank goes first."""
        heapq.heappush(self.jobs, (due, rank, self.next("job"), job, arguments))

    def after(self, delay_s: float, job: str, **arguments: Any) -> None:
        """Have a job done in `delay_s` seconds of the clock."""
        self.at(self.now() + delay_s, job, **arguments)

    def dump(self) -> str:
        """Return the whole state as JSON."""
        return json.dumps(asdict(self))

    def load(self, state: str) -> None:
        """Become what `dump` returned."""
        self.become(World(**json.loads(state)))
        self.jobs = [tuple(job) for job in self.jobs]  # type: ignore[misc]  # JSON makes lists of them
        # What a stop interrupted may be asked again.
        self.keys = {key: record for key, record in self.keys.items() if record["answer"] is not None}

    def become(self, other: "World") -> None:
        """Take over the other's state."""
        for item in fields(self):
            setattr(self, item.name, getattr(other, item.name))


def letters(source: str, length: int) -> str:
    """Return letters and digits that depend on `source` alone."""
    number = int.from_bytes(hashlib.sha512(source.encode()).digest(), "big")
    out = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        out.append(_DIGITS[digit])
    return "".join(out)


def copied(item: Json) -> Json:
    """Return a deep copy of an object."""
    copy: Json = json.loads(json.dumps(item))
    return copy
