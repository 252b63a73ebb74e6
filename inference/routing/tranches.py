"""A request with a budget runs in tranches: one rung after another, the next only if it pays and still fits.

Pure. The quote is a hard bound: what the tranches that ended have used and the quote of the one that runs are
together never above it. It is the worst path that the rules of `inference.routing.plan` can take, or the cap.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from inference.routing.plan import Ask, Rung, choose, gain, ladder, net, release


@dataclass(frozen=True, slots=True)
class Plan:
    """What may be run for a question, what is run first, and the most that all of it uses."""

    rungs: tuple[Rung, ...]
    first: Rung
    ask: Ask
    quote_ucu: int

    def rung(self, name: str) -> Rung:
        """Return the rung of this name. Raises KeyError if it may not be run."""
        for each in self.rungs:
            if each.name == name:
                return each
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Tried:
    """A tranche that ended: what it used, and how likely its answer is right (None: it was refunded).

    `has_answer`: it came to say something, rather than ending in a thought.
    """

    rung: str
    used_ucu: int
    right_ppm: int | None
    has_answer: bool


def plan(rungs: Iterable[Rung], ask: Ask, *, safe: str | None = None) -> Plan | None:
    """Return the plan for a question; None if the cap pays for no rung.

    With `safe` the guesses are not believed, as the question is of a kind unknown to the gate: that rung
    alone is run, or the best that the cap pays for.
    """
    able = tuple(each for each in rungs if ask.cap_ucu is None or each.quote_ucu <= ask.cap_ucu)
    if safe is not None and able:
        only = next((each for each in able if each.name == safe), ladder(able)[-1])
        return Plan((only,), only, ask, only.quote_ucu)
    first = choose(able, ask)
    if first is None:
        return None
    worst = _worst_ucu(able, first, ask)
    return Plan(able, first, ask, worst if ask.cap_ucu is None else min(worst, ask.cap_ucu))


def following(planned: Plan, tried: Sequence[Tried]) -> Rung | None:
    """Return the rung to run now that these have ended, or None to end with what there is.

    A rung that was refunded is not tried again, but the next best one is, if it fits in what is left.
    """
    refunded = {each.rung for each in tried if each.right_ppm is None}
    able = [each for each in planned.rungs if each.name not in refunded]
    left_ucu = planned.quote_ucu - sum(each.used_ucu for each in tried)
    answered = [each for each in tried if each.right_ppm is not None]
    if not answered:
        return choose(able, replace(planned.ask, cap_ucu=left_ucu))
    last = answered[-1]
    assert last.right_ppm is not None
    return release(
        able, tried=planned.rung(last.rung), right_ppm=last.right_ppm, left_ucu=left_ucu, ask=planned.ask
    )


def is_last(planned: Plan, tried: Sequence[Tried], rung: str) -> bool:
    """Tell whether nothing could follow `rung` after these, however its answer looks.

    The worst answer is the one that is cut off and used next to nothing: if nothing follows that, nothing
    follows any. What is last is kept, so its text need not be held back.
    """
    return following(planned, [*tried, Tried(rung, 1, 0, has_answer=False)]) is None


def kept(tried: Sequence[Tried]) -> int | None:
    """Return the place of the tranche whose answer the caller gets; None if all were refunded.

    It is the last that says something: each was released because the one before was not good enough.
    """
    answered = [place for place, each in enumerate(tried) if each.right_ppm is not None]
    saying = [place for place in answered if tried[place].has_answer]
    return max(saying or answered, default=None)


def _worst_ucu(rungs: Sequence[Rung], first: Rung, ask: Ask) -> int:
    """Return the sum of the quotes along the dearest way from `first` upwards.

    From above, so that each rung is looked at once: what may follow it is known by then.
    """
    better = [each for each in ladder(rungs) if each.correct_ppm > first.correct_ppm]
    above: list[tuple[Rung, int]] = []
    for rung in reversed([first, *better]):
        following_ucu = (worst for later, worst in above if _may_pay(rung, later, ask))
        above.append((rung, rung.quote_ucu + max(following_ucu, default=0)))
    return above[-1][1]


def _may_pay(tried: Rung, rung: Rung, ask: Ask) -> bool:
    """Tell whether `rung` is ever released after `tried`.

    Without a quality asked for, it is if it pays after an answer that is surely wrong.
    """
    return ask.quality_ppm is not None or net(gain(tried, rung, 0), rung, ask) > 0
