"""Which rung is tried: never above the cap, never worse for a larger one, less as compute gets dear."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.money import PPM
from inference.routing.plan import Ask, Rung, choose, ladder, release

CHANCE = st.integers(0, PPM)
UCU = st.integers(1, 10**6)


@st.composite
def rungs(draw: st.DrawFn) -> list[Rung]:
    count = draw(st.integers(0, 6))
    made = []
    for number in range(count):
        quote = draw(UCU)
        expected = draw(st.integers(1, quote))
        made.append(Rung(name=f"r{number}", correct_ppm=draw(CHANCE), expected_ucu=expected, quote_ucu=quote))
    return made


ASKS = st.builds(
    Ask,
    value_nano_usd=st.integers(0, 10**9),
    price_nano_usd_per_cu=st.integers(0, 10**9),
    quality_ppm=st.none() | CHANCE,
    cap_ucu=st.none() | UCU,
)


@given(rungs(), ASKS)
def test_no_plan_exceeds_its_cap_and_one_is_found_if_any_fits(options: list[Rung], ask: Ask) -> None:
    chosen = choose(options, ask)
    fitting = [rung for rung in options if ask.cap_ucu is None or rung.quote_ucu <= ask.cap_ucu]
    assert (chosen is not None) == bool(fitting)
    assert chosen is None or chosen in fitting


@given(rungs(), ASKS, UCU)
def test_a_larger_budget_never_lowers_the_predicted_quality(options: list[Rung], ask: Ask, more: int) -> None:
    small = choose(options, ask)
    if ask.cap_ucu is None or small is None:
        return
    large = choose(options, replace(ask, cap_ucu=ask.cap_ucu + more))
    assert large is not None
    assert large.correct_ppm >= small.correct_ppm


@given(rungs(), ASKS, st.integers(1, 10**9))
def test_dearer_compute_is_spent_more_sparingly(options: list[Rung], ask: Ask, more: int) -> None:
    auto = replace(ask, quality_ppm=None)
    cheap = choose(options, auto)
    dear = choose(options, replace(auto, price_nano_usd_per_cu=auto.price_nano_usd_per_cu + more))
    if cheap is None or dear is None:
        assert cheap is dear
        return
    assert dear.expected_ucu <= cheap.expected_ucu


@given(rungs(), ASKS)
def test_a_quality_asked_for_is_reached_if_any_rung_on_the_ladder_reaches_it(
    options: list[Rung], ask: Ask
) -> None:
    asked = ask.quality_ppm
    steps = ladder(options, ask.cap_ucu)
    if asked is None or not steps:
        return
    chosen = choose(options, ask)
    assert chosen is not None
    if any(rung.correct_ppm >= asked for rung in steps):
        assert chosen.correct_ppm >= asked
        assert all(chosen.expected_ucu <= rung.expected_ucu for rung in steps if rung.correct_ppm >= asked)
    else:
        assert chosen == steps[-1]


@given(rungs(), ASKS, st.lists(CHANCE, min_size=6, max_size=6), st.lists(CHANCE, min_size=7, max_size=7))
def test_tranches_climb_and_what_they_use_stays_within_the_cap(
    options: list[Rung], ask: Ask, seen: list[int], use: list[int]
) -> None:
    rung = choose(options, ask)
    left = 10**9 if ask.cap_ucu is None else ask.cap_ucu
    names: list[str] = []
    for step, right_ppm in enumerate([*seen, 0]):
        if rung is None:
            break
        assert rung.quote_ucu <= left
        names.append(rung.name)
        left -= rung.quote_ucu * use[step] // PPM
        tried = rung
        rung = release(options, tried=tried, right_ppm=right_ppm, left_ucu=left, ask=ask)
        assert rung is None or rung.correct_ppm > tried.correct_ppm
    assert left >= 0
    assert len(set(names)) == len(names)


EASY = Rung(name="direct-10", correct_ppm=600_000, expected_ucu=10, quote_ucu=20)
HARD = Rung(name="think-30", correct_ppm=900_000, expected_ucu=100, quote_ucu=200)
WASTE = Rung(name="think-10", correct_ppm=500_000, expected_ucu=50, quote_ucu=90)


def test_the_next_rung_is_released_only_if_what_it_finds_is_worth_its_price() -> None:
    options = [EASY, WASTE, HARD]
    # The next rung finds three quarters of what the first misses: 750,000 ppm of 1,000,000 nano-USD, less
    # what the first probably has already.
    ask = Ask(value_nano_usd=1_000_000, price_nano_usd_per_cu=1_000_000_000)
    assert ladder(options) == (EASY, HARD)
    assert choose(options, ask) == HARD  # 900,000 − 100,000 against 600,000 − 10,000
    doubt, sure = 400_000, 900_000
    assert release(options, tried=EASY, right_ppm=doubt, left_ucu=200, ask=ask) == HARD  # 450,000 > 100,000
    assert release(options, tried=EASY, right_ppm=sure, left_ucu=200, ask=ask) is None  # 75,000 < 100,000
    assert release(options, tried=EASY, right_ppm=doubt, left_ucu=199, ask=ask) is None
    assert release(options, tried=HARD, right_ppm=doubt, left_ucu=999, ask=ask) is None


def test_at_a_higher_price_the_small_rung_is_chosen() -> None:
    ask = Ask(value_nano_usd=1_000_000, price_nano_usd_per_cu=4_000_000_000)
    assert choose([EASY, HARD], ask) == EASY  # 900,000 − 400,000 against 600,000 − 40,000


def test_a_quality_asked_for_releases_until_it_is_reached() -> None:
    ask = Ask(value_nano_usd=0, price_nano_usd_per_cu=1, quality_ppm=800_000)
    assert release([EASY, HARD], tried=EASY, right_ppm=800_000, left_ucu=200, ask=ask) is None
    assert release([EASY, HARD], tried=EASY, right_ppm=300_000, left_ucu=200, ask=ask) == HARD
