"""Tranches of a request: within quote and cap whatever happens, and each better than the one before."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.money import PPM
from inference.routing.plan import Ask, Rung
from inference.routing.tranches import Plan, Tried, following, is_last, kept, plan
from tests.property.test_plan import ASKS, CHANCE, EASY, HARD, UCU, rungs

SAFE = st.none() | st.sampled_from(["r0", "r3", "gone"])
SEEN = st.lists(st.tuples(st.none() | CHANCE, CHANCE, st.booleans()), min_size=7, max_size=7)
"""What each tranche comes to: how likely it is right (None: refunded), how much it uses, if it speaks."""


def run(planned: Plan, seen: list[tuple[int | None, int, bool]]) -> list[Tried]:
    """Play a request to its end, and hold what must always hold on the way."""
    tried: list[Tried] = []
    rung: Rung | None = planned.first
    for right_ppm, share, speaks in seen:
        if rung is None:
            break
        left = planned.quote_ucu - sum(each.used_ucu for each in tried)
        assert rung.quote_ucu <= left, "what ended and what runs are together within the quote"
        last = is_last(planned, tried, rung.name)
        used = 0 if right_ppm is None else max(1, rung.quote_ucu * share // PPM)
        tried.append(Tried(rung.name, used, right_ppm, speaks and right_ppm is not None))
        rung = following(planned, tried)
        if last and right_ppm is not None:
            assert rung is None, "what is streamed as the last is the last"
    else:
        assert rung is None, "every request ends"
    return tried


@given(rungs(), ASKS, SAFE, SEEN)
def test_no_path_uses_more_than_its_quote_nor_the_quote_more_than_the_cap(
    options: list[Rung], ask: Ask, safe: str | None, seen: list[tuple[int | None, int, bool]]
) -> None:
    planned = plan(options, ask, safe=safe)
    if planned is None:
        assert all(ask.cap_ucu is not None and each.quote_ucu > ask.cap_ucu for each in options)
        return
    assert planned.first.quote_ucu <= planned.quote_ucu
    assert ask.cap_ucu is None or planned.quote_ucu <= ask.cap_ucu
    tried = run(planned, seen)
    assert sum(each.used_ucu for each in tried) <= planned.quote_ucu
    names = [each.rung for each in tried]
    assert len(set(names)) == len(names)
    answered = [planned.rung(each.rung).correct_ppm for each in tried if each.right_ppm is not None]
    assert answered == sorted(answered)
    place = kept(tried)
    if place is None:
        assert not answered
    else:
        assert tried[place].right_ppm is not None
        assert not any(each.has_answer for each in tried[place + 1 :])
        assert tried[place].has_answer or not any(each.has_answer for each in tried)


@given(rungs(), ASKS, UCU)
def test_a_larger_budget_never_lowers_what_is_expected_of_the_answer(
    options: list[Rung], ask: Ask, more: int
) -> None:
    if ask.cap_ucu is None:
        return
    small, large = plan(options, ask), plan(options, replace(ask, cap_ucu=ask.cap_ucu + more))
    if small is None:
        return
    assert large is not None
    assert large.first.correct_ppm >= small.first.correct_ppm
    assert large.quote_ucu >= small.quote_ucu or large.first != small.first


@given(rungs(), ASKS, st.integers(1, 10**9))
def test_dearer_compute_never_buys_more_of_it(options: list[Rung], ask: Ask, more: int) -> None:
    auto = replace(ask, quality_ppm=None)
    cheap = plan(options, auto)
    dear = plan(options, replace(auto, price_nano_usd_per_cu=auto.price_nano_usd_per_cu + more))
    if cheap is not None and dear is not None:
        assert dear.first.expected_ucu <= cheap.first.expected_ucu
        assert dear.quote_ucu <= cheap.quote_ucu or dear.first != cheap.first


BEST = Rung(name="think-60", correct_ppm=990_000, expected_ucu=400, quote_ucu=900)
GOOD = Ask(value_nano_usd=0, price_nano_usd_per_cu=1, quality_ppm=500_000)


def test_the_quote_is_the_sum_along_the_worst_way() -> None:
    planned = plan([EASY, HARD, BEST], GOOD)
    assert planned is not None
    assert (planned.first, planned.quote_ucu) == (EASY, 20 + 200 + 900)
    capped = plan([EASY, HARD, BEST], replace(GOOD, cap_ucu=300))
    assert capped is not None
    assert capped.quote_ucu == 220


def test_a_rung_that_never_pays_is_not_in_the_quote() -> None:
    # Half a dollar in 10^6 at a thousand nano-USD a µCU: the dearest rung finds too little for its price.
    ask = Ask(value_nano_usd=150_000, price_nano_usd_per_cu=10**9)
    planned = plan([EASY, HARD, BEST], ask)
    assert planned is not None
    assert (planned.first, planned.quote_ucu) == (EASY, 220)


def test_a_refunded_tranche_is_followed_by_the_next_best_and_a_held_answer_stays() -> None:
    planned = plan([EASY, HARD, BEST], GOOD)
    assert planned is not None
    gone = Tried(EASY.name, 0, None, has_answer=False)
    assert following(planned, [gone]) == HARD
    assert following(planned, [gone, replace(gone, rung=HARD.name)]) == BEST
    everything = [replace(gone, rung=each.name) for each in (EASY, HARD, BEST)]
    assert (following(planned, everything), kept(everything)) == (None, None)
    doubtful = Tried(EASY.name, 15, 100_000, has_answer=True)
    assert following(planned, [doubtful]) == HARD
    assert following(planned, [doubtful, *everything[1:]]) is None
    assert kept([doubtful, *everything[1:]]) == 0


def test_a_thought_that_was_cut_off_gives_way_to_the_answer_before_it() -> None:
    said = Tried(EASY.name, 15, 100_000, has_answer=True)
    silent = Tried(HARD.name, 200, 0, has_answer=False)
    assert kept([said, silent]) == 0
    assert kept([silent]) == 0
    assert kept([said, replace(silent, has_answer=True)]) == 1


def test_a_question_unknown_to_the_gate_goes_to_the_safe_rung_alone() -> None:
    planned = plan([EASY, HARD, BEST], GOOD, safe=HARD.name)
    assert planned is not None
    assert (planned.rungs, planned.first, planned.quote_ucu) == ((HARD,), HARD, 200)
    assert is_last(planned, [], HARD.name)
    capped = plan([EASY, HARD, BEST], replace(GOOD, cap_ucu=199), safe=HARD.name)
    assert capped is not None
    assert capped.first == EASY
