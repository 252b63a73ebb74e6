"""Times as counts in buckets that grow with the time: four to a doubling, so within a quarter of the truth.

A histogram can be added to and merged without what it was made of, and still tells any percentile.
"""

from collections.abc import Sequence
from typing import Final

from core.money import PPM

_STEPS: Final = 4
LONGEST_MS: Final = 2**18 - 1
BUCKETS: Final = 72


def bucket_of(ms: int) -> int:
    """Return the bucket, 0 … BUCKETS − 1, of a time; what is longer than `LONGEST_MS` is in the last one."""
    known = min(max(ms, 0), LONGEST_MS)
    shift = max(0, known.bit_length() - _STEPS.bit_length())
    return _STEPS * shift + (known >> shift)


def longest_ms(bucket: int) -> int:
    """Return the longest time that is counted in this bucket."""
    shift = max(0, bucket // _STEPS - 1)
    return ((bucket - _STEPS * shift + 1) << shift) - 1


def percentile_ms(counts: Sequence[int], share_ppm: int) -> int | None:
    """Return the time within which this share of those counted was done, rounded up; None if none was."""
    total = sum(counts)
    wanted = max(1, -(-total * share_ppm // PPM))
    seen = 0
    for bucket, count in enumerate(counts):
        seen += count
        if seen >= wanted:
            return longest_ms(bucket)
    return None


def merged(histograms: Sequence[Sequence[int]]) -> list[int]:
    """Return the counts of all of them together."""
    return [sum(counts) for counts in zip([0] * BUCKETS, *histograms, strict=True)]
