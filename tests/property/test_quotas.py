"""A quota lets pass what it says and not a fifth more, whatever the order and the moments of the calls."""

from hypothesis import given
from hypothesis import strategies as st

from core.quotas import NANO, PARTS, Bucket, Buckets, Quota

quotas = st.builds(Quota, limit=st.integers(1, 1_000), window_s=st.integers(1, 3_600))
steps = st.lists(st.tuples(st.integers(0, 3 * NANO), st.integers(1, 40)), min_size=1, max_size=60)


@given(quotas, steps)
def test_never_more_than_the_quota_and_what_time_gave_back(
    quota: Quota, calls: list[tuple[int, int]]
) -> None:
    bucket, now, taken = Bucket(0), 0, 0
    for pause_ns, cost in calls:
        now += pause_ns
        if bucket.take(quota, cost, now).passed:
            taken += cost
        # Exactly: taken ≤ limit + limit · t / window, all in fifths.
        assert taken * quota.window_s * NANO <= quota.limit * PARTS * (quota.window_s * NANO + now)


@given(quotas, steps)
def test_what_is_refused_passes_after_the_said_pause_and_not_a_second_before(
    quota: Quota, calls: list[tuple[int, int]]
) -> None:
    bucket, now = Bucket(0), 0
    for pause_ns, cost in calls:
        now += pause_ns
        said = bucket.take(quota, cost, now)
        if said.passed or not said.retry_after_s:
            assert said.passed or cost > quota.limit * PARTS
            continue
        before = Bucket(0)
        before._missing, before._at_ns = bucket._missing, bucket._at_ns
        assert not before.take(quota, cost, now + (said.retry_after_s - 1) * NANO).passed
        now += said.retry_after_s * NANO
        assert bucket.take(quota, cost, now).passed


@given(quotas, st.integers(1, 200), st.integers(1, 7))
def test_of_calls_at_one_moment_exactly_the_quota_passes(quota: Quota, calls: int, cost: int) -> None:
    bucket = Bucket(0)
    passed = sum(bucket.take(quota, cost, 0).passed for _ in range(calls))
    assert passed == min(calls, quota.limit * PARTS // cost)


@given(quotas, steps)
def test_a_quota_is_whole_again_when_it_says_so(quota: Quota, calls: list[tuple[int, int]]) -> None:
    bucket, now = Bucket(0), 0
    for pause_ns, cost in calls:
        now += pause_ns
        said = bucket.take(quota, cost, now)
        assert 0 <= said.remaining <= said.limit == quota.limit
        assert bucket.missing(quota, now + said.reset_s * NANO) == 0
        assert said.reset_s == 0 or bucket.missing(quota, now + (said.reset_s - 1) * NANO) > 0


@given(quotas, st.lists(st.tuples(st.integers(0, 5), st.integers(0, NANO), st.integers(1, 9)), max_size=80))
def test_forgetting_full_buckets_changes_no_answer(quota: Quota, calls: list[tuple[int, int, int]]) -> None:
    many, few, now = Buckets(), Buckets(size=6), 0
    for caller, pause_ns, cost in calls:
        now += pause_ns
        assert many.take(caller, quota, cost, now) == few.take(caller, quota, cost, now)


def test_the_number_of_buckets_is_bounded_and_the_longest_unused_goes_first() -> None:
    buckets, quota = Buckets(size=2), Quota(limit=1, window_s=1)
    for caller in "abc":
        assert buckets.take(caller, quota, PARTS, 0).passed
    assert len(buckets) == 2
    assert not buckets.take("b", quota, PARTS, 0).passed
    assert buckets.take("a", quota, PARTS, 0).passed


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket, quota = Bucket(10 * NANO), Quota(limit=1, window_s=1)
    assert bucket.take(quota, PARTS, 10 * NANO).passed
    assert not bucket.take(quota, PARTS, 5 * NANO).passed
    assert not bucket.take(quota, PARTS, 10 * NANO).passed
    assert bucket.take(quota, PARTS, 11 * NANO).passed
