"""Record one kind of answers, and what the verifier's prefill finds of them.

    .venv-engine/bin/python -m benchmarks.recording.record MODEL_DIRECTORY OUT_DIRECTORY RUN/KIND/COUNT ...

RUN is `train` or `score`; their prompts and seeds differ. KIND is `honest`, a cheat, or `replay`, which
serves the answers of the honest run again. Writes OUT/RUN/KIND.json: requests, answers and evidence of each
job.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoTokenizer

from benchmarks.recording import models
from benchmarks.recording.generate import (
    END_ID,
    FILLER,
    Meddle,
    Request,
    answers,
    honest,
    padding,
    padding_at_end,
)
from benchmarks.recording.prompts import SHORTLY, make_prompts
from inference.verification.evidence import Draw, Position, TokenEvidence, answer_evidence

BATCH: Final = 32
TOKENS: Final = 64
LISTED: Final = 20
DRAWS: Final = ((0, 1_000_000), (700, 1_000_000), (1_000, 1_000_000), (1_000, 900_000))
RUNS: Final = {"train": 1, "score": 2}
KINDS: Final = (*models.MODELS, "padding", "padding_at_end", "went_on", "replay")


def main(directory: str, out: str, *wanted: str) -> None:
    """Record what is wanted, each RUN/KIND/COUNT, unless it is there already."""
    source = Path(directory)
    tokenizer, reference = AutoTokenizer.from_pretrained(source), models.load(source)
    for one in wanted:
        run, kind, count = one.split("/")
        target = Path(out) / run / f"{kind}.json"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(_record(reference, tokenizer, target, run, int(count))))
            print(one, flush=True)


def _record(reference: Any, tokenizer: Any, target: Path, run: str, count: int) -> list[dict[str, Any]]:
    kind = target.stem
    requests = make_requests(tokenizer, run, kind, count)
    replayed = kind == "replay"
    given = _replayed(target.parent, requests) if replayed else _given(reference, tokenizer, kind, requests)
    return [
        {
            "request": asdict(request),
            "answer": answer,
            "evidence": evidence_rows(_evidence(reference, request, answer)),
        }
        for request, answer in zip(requests, given, strict=True)
        if len(answer) >= TOKENS
    ]


def make_requests(tokenizer: Any, run: str, kind: str, count: int) -> list[Request]:
    """Return the jobs that are recorded: prompts, and draws in turn."""
    shortly = SHORTLY if kind == "went_on" else ""
    seed = 1_000_000 * RUNS[run] + 10_000 * KINDS.index("honest" if kind == "replay" else kind)
    return [
        Request(
            tokenizer.apply_chat_template(
                [{"role": "user", "content": shortly + text}], add_generation_prompt=True, return_dict=False
            ),
            *DRAWS[index % len(DRAWS)],
            seed=seed + index,
            max_tokens=TOKENS,
        )
        for index, text in enumerate(make_prompts(count, seed))
    ]


def evidence_rows(tokens: list[TokenEvidence]) -> list[list[int]]:
    """Return evidence as rows: gap (milli-nats), quantile (thousandths), whether it hid an end."""
    return [[one.gap_milli or 0, (one.quantile_ppm or 0) // 1_000, int(one.hid_end)] for one in tokens]


def _given(reference: Any, tokenizer: Any, kind: str, requests: list[Request]) -> list[list[int]]:
    filler = [tokenizer.encode(word)[0] for word in FILLER]
    meddles: dict[str, Meddle] = {"padding": padding(filler), "padding_at_end": padding_at_end(filler)}
    model = models.MODELS.get(kind, models.MODELS["honest"])(reference)
    found: list[list[int]] = []
    for start in range(0, len(requests), BATCH):
        batch = requests[start : start + BATCH]
        found += answers(model, batch, meddle=meddles.get(kind, honest), never_end=kind == "went_on")
        print(kind, len(found), flush=True)
    return found


def _replayed(run: Path, requests: list[Request]) -> list[list[int]]:
    """Return earlier answers: to the same prompt under another seed, and every second time the one before."""
    recorded = json.loads((run / "honest.json").read_text())
    by_seed = {job["request"]["seed"]: job["answer"] for job in recorded}
    found = []
    for index, request in enumerate(requests):
        answer = by_seed.get(request.seed - index % 2, [])
        requests[index] = Request(
            request.prompt, request.temperature_milli, request.top_p_ppm, request.seed + 500_000, TOKENS
        )
        found.append(answer)
    return found


@torch.inference_mode()  # type: ignore[untyped-decorator]
def _evidence(reference: Any, request: Request, answer: list[int]) -> list[TokenEvidence]:
    """Return what one prefill of the reference finds of the answer."""
    logits = reference(torch.tensor([request.prompt + answer])).logits[0, len(request.prompt) - 1 : -1]
    logprobs = logits.float().log_softmax(-1)
    values, tokens = logprobs.topk(LISTED, dim=-1)
    positions = [
        Position(token, {token: float(row[token]), **dict(zip(ids.tolist(), listed.tolist(), strict=True))})
        for token, row, ids, listed in zip(answer, logprobs, tokens, values, strict=True)
    ]
    draw = Draw(request.temperature_milli, request.top_p_ppm, request.seed, "vllm-cpu", frozenset({END_ID}))
    return answer_evidence(positions, draw)


if __name__ == "__main__":
    main(*sys.argv[1:])
