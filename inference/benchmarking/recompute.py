"""What a published result rests on: each row of a run is worked out again before anybody is shown it."""

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from cux.wire.card import ComputeCard
from cux.wire.metering import usage
from inference.benchmarking.questions import Asked
from inference.efficiency.endpoint import Reply, Row, Run
from inference.training.families.base import band


class CannotRecomputeError(ValueError):
    """The rows do not give what they are said to give; says which and why."""


def recomputed(
    run: Run, card: ComputeCard, questions: Sequence[Asked], replies: Sequence[Reply]
) -> list[Reply]:
    """Return the replies by question, if all that can be worked out again comes out as it stands in them.

    That is: each question of the run was asked once and no other, each answer is graded as its question's
    generator grades it, and FLOPs are those of the card's closed form. Raises CannotRecomputeError.
    """
    if card.card_hash != run.card_hash:
        raise CannotRecomputeError("The run was counted by another compute card.")
    by_id = {each.id: each for each in questions}
    named = [each.question for each in replies]
    if len(set(named)) != len(named):
        raise CannotRecomputeError("A question has more than one reply.")
    if unknown := sorted(set(named) - set(by_id)):
        raise CannotRecomputeError(f"The run does not ask {unknown[0]}.")
    if missing := len(set(by_id) - set(named)):
        raise CannotRecomputeError(f"{missing} of {len(by_id)} questions have no reply.")
    for each in replies:
        if wrong := _wrong(each, by_id[each.question], card):
            raise CannotRecomputeError(f"The reply to {each.question} has a {wrong} that does not come out.")
    return sorted(replies, key=lambda each: each.question)


def rows_bytes(rows: Sequence[Row]) -> bytes:
    """Return rows as they are kept and hashed: a line of JSON each, in the order of their questions."""
    ordered = sorted(rows, key=lambda each: each.question)
    return b"".join(msgspec.json.encode(each) + b"\n" for each in ordered)


def questions_sha256(questions: Sequence[tuple[str, str]]) -> str:
    """Return the hash by which the same test is known: of names and wordings, in the order of the names."""
    return sha256(msgspec.json.encode(sorted(questions))).hexdigest()


def _wrong(reply: Reply, asked: Asked, card: ComputeCard) -> str | None:
    question = asked.question
    if reply.prompt_tokens < 1 or reply.output_tokens < 1 or reply.latency_ms < 0:
        return "count of tokens or of time"
    if (reply.family, reply.level, reply.stratum) != (question.family, question.level, band(question.level)):
        return "kind of question"
    if reply.right != question.is_right(reply.answer):
        return "grade"
    used = usage(card, prompt_tokens=reply.prompt_tokens, output_tokens=reply.output_tokens)
    return "count of FLOPs" if reply.flops != used.raw_flops else None
