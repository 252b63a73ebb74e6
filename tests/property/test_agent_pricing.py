"""The agent's pricing: never below the floor, never more than is backed, and at rest once it is in step."""

from hypothesis import given
from hypothesis import strategies as st

from agent import pricing
from agent.pricing import Cancel, Offer, Place, Policy, Replace, Resting, Span, Terms

ticks = st.integers(1, 10**9)
minutes = st.integers(0, pricing.DAY_MINUTES - 1)
clocks = minutes.map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
spans = st.builds(Span, start=clocks, end=clocks, percent=st.integers(1, 1_000))
policies = st.builds(
    Policy,
    instrument=st.just("x"),
    floor_ticks=ticks,
    ask_ticks=st.integers(0, 10**9),
    busy_ticks=st.integers(0, 10**9),
    share_percent=st.integers(0, 100),
    step_ticks=st.integers(1, 1_000),
    most_lots=st.integers(0, 10**6),
    schedule=st.lists(spans, max_size=3).map(tuple),
)
terms = st.builds(
    Terms,
    lot_ucu=st.integers(1, 10**9),
    window_s=st.just(86_400),
    min_lots=st.integers(1, 100),
    max_lots=st.integers(100, 10**9),
    band_low_ticks=st.integers(0, 10**9),
    band_high_ticks=st.integers(0, 2 * 10**9),
)
loads = st.integers(-10, 2 * pricing.PPM)
offers = st.builds(Offer, price_ticks=ticks, lots=st.integers(1, 10**9))
books = st.lists(offers, max_size=4).map(
    lambda rows: [Resting(f"o{number}", row) for number, row in enumerate(rows)]
)


@given(policies, loads, loads, minutes)
def test_the_ask_rises_with_load_and_never_falls_below_the_floor(policy, one, other, minute):
    low, high = sorted((one, other))
    asked = [pricing.ask_ticks(policy, load_ppm=load, minute=minute) for load in (low, high)]
    assert policy.floor_ticks <= asked[0] <= asked[1]


@given(policies, terms, st.integers(-(10**12), 10**18), loads, minutes)
def test_what_is_offered_is_always_backed_and_allowed(policy, allowed, free_ucu, load, minute):
    want = pricing.wanted(policy, allowed, free_ucu=free_ucu, load_ppm=load, minute=minute)
    if want is None:
        return
    assert want.lots * allowed.lot_ucu * 100 <= free_ucu * policy.share_percent
    assert allowed.min_lots <= want.lots <= allowed.max_lots
    assert policy.most_lots == 0 or want.lots <= policy.most_lots
    assert want.price_ticks >= max(policy.floor_ticks, allowed.band_low_ticks)
    assert allowed.band_high_ticks == 0 or want.price_ticks <= allowed.band_high_ticks


def done(resting: list[Resting], steps: list[pricing.Step]) -> list[Resting]:
    """The book after these steps."""
    for step in steps:
        match step:
            case Place(offer):
                resting = [*resting, Resting("new", offer)]
            case Replace(order_id, offer):
                resting = [Resting(order_id, offer) if row.order_id == order_id else row for row in resting]
            case Cancel(order_id):
                resting = [row for row in resting if row.order_id != order_id]
    return resting


@given(st.none() | offers, books, st.integers(1, 1_000))
def test_one_round_brings_the_book_in_step_and_the_next_has_nothing_to_do(want, resting, step_ticks):
    after = done(resting, pricing.steps(want, resting, step_ticks=step_ticks))
    assert pricing.steps(want, after, step_ticks=step_ticks) == []
    if want is None:
        assert after == []
    else:
        (only,) = after
        assert abs(only.offer.price_ticks - want.price_ticks) < step_ticks
        assert want.lots * 9 <= only.offer.lots * 10 <= want.lots * 10


@given(st.integers(0, 10**9), st.integers(0, pricing.PPM), st.integers(0, 10**6), st.integers(0, 10**15))
def test_what_is_sold_can_not_be_offered_again(rate, factor, window_s, issued):
    facts = {"rate_ucu_per_s": rate, "tier_factor_ppm": factor, "window_s": window_s}
    free = pricing.deliverable_ucu(**facts, issued_ucu=issued)
    assert free == max(0, pricing.deliverable_ucu(**facts, issued_ucu=0) - issued)
    assert 0 <= free <= rate * window_s


def test_the_schedule_goes_past_midnight_and_its_first_span_counts():
    night = Span(start="22:00", end="06:00", percent=50)
    policy = Policy(instrument="x", floor_ticks=100, ask_ticks=1_000, busy_ticks=2_000, schedule=(night,))
    asked = {
        clock: pricing.ask_ticks(policy, load_ppm=0, minute=minute)
        for clock, minute in {"21:59": 1_319, "22:00": 1_320, "05:59": 359, "06:00": 360}.items()
    }
    assert asked == {"21:59": 1_000, "22:00": 500, "05:59": 500, "06:00": 1_000}
    assert pricing.ask_ticks(policy, load_ppm=500_000, minute=720) == 1_500
    cheap = Span(start="00:00", end="00:00", percent=1)
    assert (
        pricing.ask_ticks(Policy(instrument="x", floor_ticks=100, schedule=(cheap,)), load_ppm=0, minute=5)
        == 100
    )
