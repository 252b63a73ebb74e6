"""The shipped ladder under the rules that run requests, replayed over the outcome table in µCU."""

from functools import cache
from pathlib import Path

from cux.wire.card import ComputeCard
from inference.compute import quote_ucu
from inference.efficiency.mixes import EVERYDAY, drawn
from inference.efficiency.table import Question, Table, read_table
from inference.gate.ladder import GatedLadder, find_ladder
from inference.routing.plan import Ask, Rung
from inference.routing.tranches import Plan, Tried, following, kept, plan
from inference.training.families.base import band

ROOT = Path(__file__).resolve().parents[3]
VALUE = 20_000_000
PRICE = 20 * 10**9


@cache
def table() -> Table:
    return read_table(ROOT / "docs" / "efficiency" / "outcomes.jsonl.gz")


@cache
def shipped() -> GatedLadder:
    found = find_ladder(ROOT / "inference" / "gate" / "ladders", "reasoner-135m")
    assert found is not None
    return found


@cache
def cards() -> dict[str, ComputeCard]:
    return {rung: ComputeCard.from_payload(card) for rung, card in table().origin.cards.items()}


def questions(count: int) -> tuple[Question, ...]:
    return drawn(table().of_split("test"), EVERYDAY, band, count=count, seed=1)


def ucu(rung: str, question: Question, tokens: int) -> int:
    return quote_ucu(cards()[rung], prompt_tokens=question.prompt_tokens, max_tokens=tokens)


def planned(question: Question, ask: Ask) -> Plan:
    """Plan a question as a request would be."""
    rungs = []
    for name, guess in shipped().gate.guess(question.prompt).items():
        most = shipped().ladder.step(name).most_tokens
        rungs.append(
            Rung(
                name=name,
                correct_ppm=guess.correct_ppm,
                expected_ucu=ucu(name, question, min(guess.output_tokens, most)),
                quote_ucu=ucu(name, question, most),
            )
        )
    made = plan(rungs, ask)
    assert made is not None
    return made


def run(question: Question, ask: Ask) -> tuple[Plan, int, bool]:
    """Return the plan, the µCU metered by all tranches, and whether the answer that is kept is right."""
    made = planned(question, ask)
    tried: list[Tried] = []
    rung: Rung | None = made.first
    while rung is not None:
        outcome = question.outcomes[rung.name][0]
        right = (
            shipped()
            .gate.evidence[rung.name]
            .right_ppm(
                prior_ppm=rung.correct_ppm,
                confidence_ppm=outcome.confidence_ppm,
                finished=outcome.finished,
            )
        )
        tried.append(
            Tried(rung.name, ucu(rung.name, question, outcome.output_tokens), right, bool(outcome.answer))
        )
        rung = following(made, tried)
    place = kept(tried)
    assert place is not None
    return made, sum(each.used_ucu for each in tried), question.outcomes[tried[place].rung][0].right


def test_what_is_expected_of_a_mix_is_within_a_tenth_of_what_is_metered() -> None:
    ask = Ask(value_nano_usd=VALUE, price_nano_usd_per_cu=PRICE)
    results = [run(question, ask) for question in questions(1_000)]
    metered = sum(used for _, used, _ in results)
    expected = sum(made.first.expected_ucu for made, _, _ in results)
    assert abs(expected - metered) <= metered // 10
    assert all(used <= made.quote_ucu for made, used, _ in results)


def test_adaptive_answers_cost_less_than_the_dearest_rung_and_are_as_good() -> None:
    asked = questions(1_000)
    ask = Ask(value_nano_usd=VALUE, price_nano_usd_per_cu=PRICE)
    results = [run(question, ask) for question in asked]
    safe = shipped().ladder.safe
    always = [question.outcomes[safe][0] for question in asked]
    most = sum(ucu(safe, each, outcome.output_tokens) for each, outcome in zip(asked, always, strict=True))
    assert 2 * sum(used for _, used, _ in results) < most
    assert sum(right for *_, right in results) >= sum(outcome.right for outcome in always)


def test_over_fifty_questions_twice_the_price_buys_less_compute() -> None:
    cheap, dear = (
        [
            run(question, Ask(value_nano_usd=VALUE, price_nano_usd_per_cu=price))[0].first.expected_ucu
            for question in questions(50)
        ]
        for price in (PRICE, 2 * PRICE)
    )
    assert all(b <= a for a, b in zip(cheap, dear, strict=True))
    assert sum(dear) < sum(cheap)


def test_more_quality_asked_for_is_more_quality_had() -> None:
    asked = questions(400)
    scores = []
    for quality in (500_000, 700_000, 900_000):
        ask = Ask(value_nano_usd=0, price_nano_usd_per_cu=PRICE, quality_ppm=quality)
        scores.append(sum(right for *_, right in (run(each, ask) for each in asked)))
    assert scores[0] < scores[1] < scores[2]
