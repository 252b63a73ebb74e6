"""The gate sees shapes, not values, and a bounded part of what it is given."""

import math
from zlib import crc32

from inference.gate.features import BUCKETS, CHARACTERS, SCALARS, features


def bucket(word: str) -> int:
    return crc32(word.encode()) % BUCKETS


def test_words_and_pairs_are_counted_and_numbers_by_their_length() -> None:
    seen = features("Add 12 and 34, 56!")
    assert seen.buckets[bucket("#2")] == math.log1p(3)
    assert seen.buckets[bucket("add")] == math.log1p(1)
    assert seen.buckets[bucket("and #2")] == math.log1p(1)
    assert seen.buckets[bucket("^ add")] == math.log1p(1)
    assert seen.buckets[bucket("! $")] == math.log1p(1)
    assert bucket("12") not in seen.buckets


def test_sums_of_one_size_look_alike_and_of_another_do_not() -> None:
    assert features("What is 123 + 456?") == features("What is 987 + 100?")
    assert features("What is 123 + 456?") != features("What is 1234 + 456?")


def test_sizes_are_bounded_and_as_many_as_the_network_takes() -> None:
    for text in ("", "?", "a b c", "x" * 100_000, "1 " * 50_000, "9" * 5_000):
        scalars = features(text).scalars
        assert len(scalars) == SCALARS
        assert all(0 <= each < 5 for each in scalars)


def test_a_flood_is_seen_by_its_ends_only() -> None:
    middle = "sudoku " * 5_000
    seen = features("Begin here. " + "a " * CHARACTERS + middle + "z " * CHARACTERS + " How many?")
    assert bucket("begin") in seen.buckets
    assert bucket("many") in seen.buckets
    assert bucket("sudoku") not in seen.buckets
