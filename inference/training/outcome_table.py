"""Put the replies of every rung together as the outcome table.

    python -m inference.training.outcome_table --model M --replies DIRECTORY --sealed SEEDS.json --out TABLE

Scores each reply, meters it by the card of its depth, and writes what `inference.efficiency.table` reads.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

from cux.wire.card import ComputeCard
from cux.wire.metering import usage
from inference.efficiency.table import Origin, Outcome, Question, write_table
from inference.engines.model_card import rung_card
from inference.training.dialogue import answer_of
from inference.training.outcome_questions import OPEN_SEEDS, Asked, asked
from inference.training.outcome_run import Answered

PPM = 10**6


def outcome(each: Asked, reply: Answered, card: ComputeCard) -> Outcome:
    """Score and meter one reply."""
    answer = answer_of(reply.text)
    used = usage(card, prompt_tokens=reply.prompt_tokens, output_tokens=reply.output_tokens)
    return Outcome(
        right=each.question.is_right(answer),
        answer=answer,
        flops=used.raw_flops,
        output_tokens=reply.output_tokens,
        confidence_ppm=min(PPM, round(reply.confidence * PPM)),
        finished=reply.finished,
    )


def rows(
    questions: list[Asked], replies: Mapping[str, Mapping[str, Answered]], cards: Mapping[str, ComputeCard]
) -> Iterator[Question]:
    """Give a row for each question. Raises KeyError if a rung was not asked it."""
    for each in questions:
        outcomes = {rung: (outcome(each, of[each.id], cards[rung]),) for rung, of in replies.items()}
        yield Question(
            id=each.id,
            family=each.question.family,
            level=each.question.level,
            split=each.split,
            prompt=each.question.text,
            prompt_tokens=next(iter(replies.values()))[each.id].prompt_tokens,
            outcomes=outcomes,
        )


def read_replies(path: Path) -> dict[str, Answered]:
    """Return one rung's replies by their question's id."""
    made = (Answered(**json.loads(line)) for line in path.read_text().splitlines())
    return {each.id: each for each in made}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--replies", type=Path, required=True)
    parser.add_argument("--sealed", type=Path, required=True)
    parser.add_argument("--rungs", nargs="+", required=True, help="from the cheapest to the dearest")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    sealed = json.loads(options.sealed.read_text())
    replies = {rung: read_replies(options.replies / f"{rung}.jsonl") for rung in options.rungs}
    cards = {rung: rung_card(options.model, int(rung.rpartition("-")[2])) for rung in options.rungs}
    origin = Origin(
        model=options.model.name,
        revision=json.loads((options.model / "cux-model.json").read_text())["revision"],
        machine=platform.processor() or platform.machine(),
        rungs=tuple(options.rungs),
        seeds={**OPEN_SEEDS, **sealed},
        cards={rung: card.to_payload() for rung, card in cards.items()},
    )
    write_table(options.out, origin, rows(list(asked(sealed)), replies, cards))


if __name__ == "__main__":
    main()
