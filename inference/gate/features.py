"""What the gate sees of a question: which words and shapes of numbers follow each other, and a few sizes.

Words and pairs of words are hashed into a fixed number of buckets (Weinberger et al. 2009); numbers count by
their length alone, so that a sum never seen before looks like the sums of its size.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final
from zlib import crc32

BUCKETS: Final = 8192
SCALARS: Final = 8
CHARACTERS: Final = 4_000
"""A longer question is seen by its beginning and its end: what the gate costs is bounded."""
_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Features:
    """A question as numbers: bucket → log(1 + count), and `SCALARS` sizes of about 0 to 3 each."""

    buckets: dict[int, float]
    scalars: tuple[float, ...]


def features(text: str) -> Features:
    """Return the features of a question; the same text always gives the same."""
    seen = text if len(text) <= CHARACTERS else text[: CHARACTERS // 2] + "\n" + text[-CHARACTERS // 2 :]
    words = [_shape(word) for word in _WORD.findall(seen.lower())]
    pairs = zip(["^", *words], [*words, "$"], strict=True)
    counts = Counter(_bucket(word) for word in words) + Counter(_bucket(f"{a} {b}") for a, b in pairs)
    return Features({bucket: math.log1p(count) for bucket, count in counts.items()}, _scalars(text, words))


def _shape(word: str) -> str:
    return f"#{min(len(word), 9)}" if word.isdigit() else word


def _bucket(word: str) -> int:
    return crc32(word.encode()) % BUCKETS


def _scalars(text: str, words: list[str]) -> tuple[float, ...]:
    numbers = [int(word[1:]) for word in words if word.startswith("#") and len(word) > 1]
    letters = [word for word in words if word.isalpha()]
    return (
        math.log1p(len(text)) / 3,
        math.log1p(len(words)) / 3,
        math.log1p(len(numbers)) / 2,
        max(numbers, default=0) / 4,
        math.log1p(sum(numbers)) / 3,
        math.log1p(sum(1 for word in letters if len(word) == 1)) / 2,
        math.log1p(text.count(".") + text.count("?")) / 2,
        len(set(words)) / max(1, len(words)),
    )
