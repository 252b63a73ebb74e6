"""Turns: small jobs go ahead, large ones do not starve, and no organisation takes another's share."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from inference.routing.turns import LONG_UCU, Turn, next_turn

PRICE = 20 * 10**9
SIZES = st.integers(1, 4 * LONG_UCU // 20).map(lambda each: 20 * each)
"""In steps that whole numbers of virtual time tell apart."""
SMALL = st.integers(1, LONG_UCU // 20).map(lambda each: 20 * each)


@dataclass
class Line:
    """One slot of a provider and who waits for it."""

    clock: int = 0
    waiting: list[tuple[Turn, int, str, int]] = field(default_factory=list)
    made: int = 0

    def come(self, who: str, ucu: int, price: int = PRICE) -> None:
        last = max((turn.finish for turn, _, other, _ in self.waiting if other == who), default=0)
        turn = next_turn(clock=self.clock, last_finish=last, compute_ucu=ucu, price_nano_usd_per_cu=price)
        self.made += 1
        self.waiting.append((turn, self.made, who, ucu))

    def grant(self) -> tuple[str, int]:
        chosen = min(self.waiting, key=lambda each: (each[0].start, each[0].finish, each[1]))
        self.waiting.remove(chosen)
        self.clock = max(self.clock, chosen[0].start)
        return chosen[2], chosen[3]


@given(st.integers(0, 10**12), SIZES, SIZES)
def test_of_jobs_that_begin_alike_the_smaller_is_first(clock: int, one: int, other: int) -> None:
    line = Line(clock)
    line.come("a", one)
    line.come("b", other)
    assert line.grant()[1] == min(one, other)


@given(SIZES, st.lists(SMALL, min_size=1, max_size=30))
def test_small_jobs_that_go_on_coming_pass_a_large_one_by_a_bounded_amount(
    big: int, small: list[int]
) -> None:
    line = Line()
    line.come("big", big)
    passed = 0
    for number in range(10 * LONG_UCU):
        line.come(f"new {number}", small[number % len(small)])  # always somebody else, who never waited
        who, ucu = line.grant()
        if who == "big":
            break
        passed += ucu
    assert passed <= min(big, LONG_UCU)


@given(st.integers(20, LONG_UCU), st.integers(1, 50))
def test_many_waiting_jobs_delay_another_s_first_of_their_size_by_none(ucu: int, many: int) -> None:
    line = Line()
    for _ in range(many):
        line.come("many", ucu)
    line.grant()
    line.come("other", ucu)
    if many > 1:
        assert line.grant()[0] == "other"


@given(st.integers(200, LONG_UCU), st.integers(1, 4))
def test_who_pays_so_many_times_as_much_gets_so_many_times_as_much(ucu: int, times: int) -> None:
    line = Line()
    for _ in range(60):
        line.come("plain", ucu)
        line.come("dear", ucu, price=times * PRICE)
    turns = [line.grant()[0] for _ in range(10 * (times + 1))]
    assert abs(turns.count("dear") - 10 * times) <= 1


@given(st.integers(0, 10**12), SIZES, st.lists(SIZES, max_size=5))
def test_whose_provider_failed_goes_first(clock: int, ucu: int, others: list[int]) -> None:
    line = Line(clock)
    for number, each in enumerate(others):
        line.come(str(number), each)
    again = next_turn(
        clock=clock, last_finish=10**15, compute_ucu=ucu, price_nano_usd_per_cu=PRICE, again=True
    )
    assert all(again.start < turn.start for turn, *_ in line.waiting)
