"""Ask one depth's rungs every question of the outcome table, on vLLM, in the engine environment.

    python -m inference.training.outcome_run --model M --depth K --sealed SEEDS.json --out DIRECTORY

Greedy, one process a depth. Appends JSON lines to `DIRECTORY/MODE-K.jsonl` a chunk at a time and goes on
where such a file ends: a run that was killed loses a chunk at most.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from inference.gate.thought import Mode, answer_starts
from inference.training.dialogue import MODES, prompt
from inference.training.outcome_questions import Asked, asked
from inference.training.rungs import MAX_TOKENS, start, whole

CHUNK: Final = 200


@dataclass(frozen=True, slots=True)
class Answered:
    """What one rung replied to the question with this id; `confidence` is the likelihood of the answer's own
    tokens, their geometric mean."""

    id: str
    text: str
    prompt_tokens: int
    output_tokens: int
    confidence: float
    finished: bool


def confidence(pieces: Sequence[str], logprobs: Sequence[float], mode: Mode) -> float:
    """Return the geometric mean of the likelihoods of the tokens that make the answer: those after the
    thought where there is one. 0 if there are none."""
    first = answer_starts(pieces) if mode == "think" else 0
    if first is None:
        return 0.0
    own = logprobs[first:]
    return math.exp(sum(own) / len(own)) if own else 0.0


def ask(engine: Any, questions: Sequence[Asked], mode: Mode) -> list[Answered]:
    """Return the replies of one rung, greedy, each with the likelihood of its answer."""
    from vllm import SamplingParams

    sampling = SamplingParams(temperature=0, max_tokens=MAX_TOKENS[mode], logprobs=0)
    prompts = [prompt(each.question.text, mode) for each in questions]
    answered = []
    for each, output in zip(questions, engine.generate(prompts, sampling, use_tqdm=False), strict=True):
        made = output.outputs[0]
        chosen = [of[token] for token, of in zip(made.token_ids, made.logprobs, strict=True)]
        answered.append(
            Answered(
                id=each.id,
                text=whole(made.text, mode),
                prompt_tokens=len(output.prompt_token_ids),
                output_tokens=len(made.token_ids),
                confidence=round(
                    confidence([of.decoded_token for of in chosen], [of.logprob for of in chosen], mode), 6
                ),
                finished=made.finish_reason == "stop",
            )
        )
    return answered


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--depth", type=int, required=True)
    parser.add_argument("--sealed", type=Path, required=True, help="JSON with the seeds of test and unseen")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    full_depth = json.loads((options.model / "config.json").read_text())["num_hidden_layers"]
    questions = list(asked(json.loads(options.sealed.read_text())))
    engine = start(options.model, options.depth, full_depth, options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    for mode in options.modes:
        kept = options.out / f"{mode}-{options.depth}.jsonl"
        done = len(kept.read_text().splitlines()) if kept.exists() else 0
        left = iter(questions[done:])
        while chunk := list(islice(left, CHUNK)):
            lines = [json.dumps(asdict(each)) + "\n" for each in ask(engine, chunk, mode)]
            with kept.open("a") as file:
                file.write("".join(lines))
            done += len(chunk)
            print(f"{mode}-{options.depth}: {done} of {len(questions)}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
