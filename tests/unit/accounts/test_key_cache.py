"""The memory of keys: a second at most, bounded, and nothing about unknown ones."""

import re

from accounts.secrets import secret_digest, secret_generate, secret_mode
from accounts.selectors.api_keys import KeyCache, KeyFacts
from core.ids import new_id


class Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def facts() -> KeyFacts:
    return KeyFacts(
        key_id=new_id(), organisation_id=new_id(), scopes=frozenset({"read"}), order_limit=1, order_window_s=1
    )


def test_a_key_is_remembered_for_a_second_from_before_it_was_read():
    clock, known = Clock(), facts()
    cache = KeyCache(clock)

    def slow_read(digest: bytes) -> KeyFacts | None:
        clock.now += 0.4  # a revocation may commit while the answer travels
        return known

    assert cache.find(b"a", slow_read) is known
    clock.now = 100.99
    assert cache.get(b"a") is known
    clock.now = 101.0
    assert cache.get(b"a") is None


def test_a_key_that_became_unknown_is_forgotten():
    clock = Clock()
    cache = KeyCache(clock)
    cache.find(b"a", lambda digest: facts())
    clock.now += 1
    assert cache.find(b"a", lambda digest: None) is None
    assert cache.get(b"a") is None


def test_keys_in_use_are_read_again_together_and_the_others_run_out():
    clock = Clock()
    cache = KeyCache(clock)
    cache.find(b"idle", lambda digest: facts())
    clock.now += cache.IDLE_S
    cache.find(b"a", lambda digest: facts())
    cache.find(b"b", lambda digest: facts())
    clock.now += 0.9
    asked = []

    def slow_read(digests):
        clock.now += 0.2  # a revocation may commit while the answer travels
        asked.append(sorted(digests))
        return {b"a": facts()}

    cache.refresh(slow_read)
    assert asked == [[b"a", b"b"]]
    assert cache.get(b"a") is not None
    assert cache.get(b"b") is None  # revoked: forgotten at once
    assert cache.get(b"idle") is None
    clock.now += 0.81
    assert cache.get(b"a") is None


def test_a_key_stays_at_hand_through_quiet_seconds_while_others_are_in_use():
    clock = Clock()
    cache = KeyCache(clock)
    cache.find(b"quiet", lambda digest: facts())
    read: list[bytes] = []
    for _ in range(20):
        clock.now += cache.REFRESH_S
        cache.refresh(lambda digests: {digest: facts() for digest in digests})
    assert cache.find(b"quiet", read.append) is not None
    assert read == []


def test_no_more_than_so_many_are_read_again_at_once_those_used_last():
    clock = Clock()
    cache = KeyCache(clock)
    cache.TOGETHER = 2
    for digest in (b"a", b"b", b"c"):
        cache.find(digest, lambda digest: facts())
        clock.now += 0.1
    cache.get(b"a")
    asked = []
    cache.refresh(lambda digests: asked.append(sorted(digests)) or {digest: facts() for digest in digests})
    assert asked == [[b"a", b"c"]]
    assert cache.get(b"b") is not None  # its second is not over
    clock.now += 0.9
    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None


def test_one_asker_at_a_time_is_told_to_refresh():
    clock = Clock()
    cache = KeyCache(clock)
    assert [cache.is_refresh_due(), cache.is_refresh_due()] == [True, False]
    clock.now += cache.REFRESH_S
    assert [cache.is_refresh_due(), cache.is_refresh_due()] == [True, False]


def test_the_memory_is_bounded_and_the_oldest_goes_first():
    cache = KeyCache(Clock())
    cache.SIZE = 2
    for digest in (b"a", b"b", b"c"):
        cache.find(digest, lambda digest: facts())
    assert cache.get(b"a") is None
    assert cache.get(b"b") is not None
    assert cache.get(b"c") is not None


def test_a_secret_has_a_prefix_and_256_random_bits():
    prefix, secret = secret_generate("live")
    assert re.fullmatch(rf"sk_live_{prefix}_[A-Za-z0-9_-]{{43}}", secret)
    assert len({secret_generate("live")[1] for _ in range(100)}) == 100


def test_a_secret_says_which_market_it_is_for():
    assert secret_mode(secret_generate("test")[1]) == "test"
    assert secret_mode(secret_generate("live")[1]) == "live"
    assert secret_mode("cux_0123abcd_" + "k" * 43) == "live"  # made before there were modes
    assert secret_mode("sk_paper_0123abcd_" + "k" * 43) is None


def test_a_text_that_cannot_be_a_key_has_no_digest():
    _, secret = secret_generate("live")
    assert secret_digest(secret) is not None
    for text in ("", "sk_live_", secret[:-1], secret + "x", secret + "\n", secret.upper(), "sk-123"):
        assert secret_digest(text) is None
