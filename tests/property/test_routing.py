"""Ranking providers: never all to one, each factor pulls one way, hard constraints are hard."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import PPM
from inference.routing import Candidate, Circuit, Preferences, rank, wilson_lower_ppm
from inference.routing.weight import shares_ppm, weight

ANYBODY = Preferences()
ENTROPY = st.integers(0, 2**128 - 1)
SEARCH = settings(max_examples=30, deadline=None)
_numbers = st.integers(0, 10**6)


@st.composite
def _candidates(draw: st.DrawFn, *, min_size: int = 0) -> list[Candidate]:
    count = draw(st.integers(min_size, 8))
    return [
        Candidate(
            key=str(number),
            name=f"provider-{number}",
            price_nano_usd_per_cu=draw(st.integers(0, 10**13)),
            delivered=draw(_numbers),
            failed=draw(_numbers),
            first_token_ms=draw(st.none() | st.integers(0, 10**5)),
            rate_ucu_per_s=draw(_numbers),
            running=draw(st.integers(0, 9)),
            slots=draw(st.integers(1, 9)),
            prefix_ppm=draw(st.integers(0, PPM)),
            circuit=draw(st.sampled_from(Circuit)),
            is_ready=draw(st.booleans()),
            has_failed=draw(st.booleans()),
        )
        for number in range(count)
    ]


CANDIDATES = _candidates()
NAMES = st.lists(st.sampled_from([f"provider-{number}" for number in range(10)]), max_size=4).map(tuple)
PREFERENCES = st.builds(
    Preferences,
    order=NAMES,
    only=NAMES,
    ignore=NAMES,
    max_price_nano_usd_per_cu=st.none() | st.integers(0, 10**13),
    sort=st.sampled_from(["price", "throughput", "latency", ""]),
    allow_fallbacks=st.booleans(),
)


@SEARCH
@given(CANDIDATES, PREFERENCES, ENTROPY)
def test_hard_constraints_are_hard_and_nobody_is_lost(candidates, preferences, entropy):
    ranking = rank(candidates, preferences, entropy)
    named = [each.candidate.name for each in (*ranking.places, *ranking.refused)]
    assert sorted(named) == sorted(each.name for each in candidates)
    for place in ranking.places:
        found = place.candidate
        assert not preferences.only or found.name in preferences.only
        assert found.name not in preferences.ignore
        limit = preferences.max_price_nano_usd_per_cu
        assert limit is None or found.price_nano_usd_per_cu <= limit
        assert found.circuit is not Circuit.OPEN
        assert found.is_ready
        assert not found.has_failed
        assert preferences.allow_fallbacks or not preferences.order or found.name in preferences.order
    assert all(each.weight_ppm == 0 and each.why for each in ranking.refused)
    assert rank(list(reversed(candidates)), preferences, entropy) == ranking


@SEARCH
@given(_candidates(min_size=2), ENTROPY)
def test_never_all_goes_to_one_when_several_qualify(candidates, entropy):
    ranking = rank(candidates, ANYBODY, entropy)
    drawn = [each for each in ranking.places if each.candidate.free_slots]
    shares = [each.weight_ppm for each in drawn]
    assert all(share >= min(PPM // 100, PPM // (2 * len(drawn))) for share in shares)
    assert PPM - len(drawn) <= sum(shares) <= PPM or not drawn
    assert drawn == list(ranking.places[: len(drawn)]), "who has no slot free comes last"


@SEARCH
@given(_candidates(min_size=1))
def test_each_is_chosen_for_its_share_of_the_entropy(candidates):
    drawn = [each for each in rank(candidates, ANYBODY, 0).places if each.candidate.free_slots]
    total = sum(each.weight_ppm for each in drawn)
    at = 0
    for place in sorted(drawn, key=lambda each: each.candidate.key):
        for entropy in (at, at + place.weight_ppm - 1, at + total):
            assert rank(candidates, ANYBODY, entropy).places[0].candidate == place.candidate
        at += place.weight_ppm


BETTER = {
    "cheaper": lambda c, n: replace(c, price_nano_usd_per_cu=max(0, c.price_nano_usd_per_cu - n)),
    "delivered": lambda c, n: replace(c, delivered=c.delivered + n),
    "fewer failures": lambda c, n: replace(c, failed=max(0, c.failed - n)),
    "sooner": lambda c, n: replace(c, first_token_ms=max(0, (c.first_token_ms or 0) - n)),
    "idler": lambda c, n: replace(c, running=max(0, c.running - n)),
    "cached": lambda c, n: replace(c, prefix_ppm=min(PPM, c.prefix_ppm + n)),
}


@pytest.mark.parametrize("factor", BETTER)
@SEARCH
@given(candidates=_candidates(min_size=1), more=st.integers(1, 10**6))
def test_no_factor_that_gets_better_lowers_a_share(factor, candidates, more):
    first, *others = [replace(each, first_token_ms=each.first_token_ms or 0) for each in candidates]
    better = BETTER[factor](first, more)
    assert weight(better) >= weight(first)
    rest = [weight(each) for each in others]
    assert shares_ppm([weight(better), *rest])[0] >= shares_ppm([weight(first), *rest])[0]


def test_half_the_price_is_four_times_the_work():
    dear, cheap = (
        Candidate(key=str(price), name=str(price), price_nano_usd_per_cu=price)
        for price in (2_000_000, 1_000_000)
    )
    shares = {each.candidate.name: each.weight_ppm for each in rank([dear, cheap], ANYBODY, 0).places}
    assert shares == {"1000000": 10_000 + 980_000 * 4 // 5, "2000000": 10_000 + 980_000 // 5}


def test_a_ranking_says_why():
    one = Candidate(
        key="1",
        name="northwind",
        price_nano_usd_per_cu=1_400_000,
        delivered=990,
        failed=10,
        first_token_ms=120,
        running=2,
        slots=8,
        prefix_ppm=250_000,
    )
    two = replace(one, key="2", name="southgrid", circuit=Circuit.OPEN)
    three = replace(one, key="3", name="tidal", is_ready=False)
    four = replace(one, key="4", name="upland", has_failed=True)
    assert rank([one, two, three, four], ANYBODY, 7).explanation() == [
        {
            "provider": "northwind",
            "weight_ppm": 1_000_000,
            "why": "0.001400 USD/CU; delivers 98.0 % at least; first token in 120 ms; 2 of 8 slots taken; "
            "25.0 % of the prompt cached",
        },
        {"provider": "southgrid", "weight_ppm": 0, "why": "let jobs down just now"},
        {"provider": "tidal", "weight_ppm": 0, "why": "not ready"},
        {"provider": "upland", "weight_ppm": 0, "why": "let this job down"},
    ]


@SEARCH
@given(CANDIDATES, st.sampled_from(["price", "throughput", "latency"]), ENTROPY)
def test_sorting_is_strict_among_those_with_a_slot_free(candidates, sort, entropy):
    places = [each.candidate for each in rank(candidates, Preferences(sort=sort), entropy).places]
    free = [each for each in places if each.free_slots]
    key = {
        "price": lambda c: c.price_nano_usd_per_cu,
        "throughput": lambda c: -c.rate_ucu_per_s,
        "latency": lambda c: 500 if c.first_token_ms is None else c.first_token_ms,
    }[sort]
    assert [key(each) for each in free] == sorted(key(each) for each in free)


@SEARCH
@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_wilson_s_bound_is_the_formula_s(delivered, failed):
    n = delivered + failed
    exact = 0.0
    if n:
        z = 1.96
        root = z * math.sqrt(z * z + 4 * delivered * failed / n)
        exact = (2 * delivered + z * z - root) / (2 * (n + z * z))
    assert abs(wilson_lower_ppm(delivered, n) - exact * PPM) <= 1.01


@pytest.mark.parametrize(("delivered", "n", "ppm"), [(0, 0, 0), (0, 9, 0), (1, 1, 206_543), (9, 10, 595_843)])
def test_wilson_s_bound(delivered, n, ppm):
    assert wilson_lower_ppm(delivered, n) == ppm


@pytest.mark.parametrize("delivered", [-1, 2])
def test_wilson_s_bound_needs_counts(delivered):
    with pytest.raises(ValueError, match="Expected 0 to 1 successes"):
        wilson_lower_ppm(delivered, 1)
