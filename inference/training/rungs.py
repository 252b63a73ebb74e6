"""Ask one depth's rungs all questions, on vLLM: `python -m inference.training.rungs --model M --depth K`.

Run in the engine environment, one process a depth. Reads nothing; the questions follow from `--seed` and
`--per-cell`. Writes one JSON line per question and mode: the reply and its token counts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from agent import vllm as vllm_options
from agent.config import EngineConfig
from inference.gate.thought import END_THINK, Mode
from inference.training.dialogue import MODES, prompt
from inference.training.families import all_families
from inference.training.families.base import LEVELS, Question

MAX_TOKENS: Final[dict[Mode, int]] = {"direct": 32, "think": 224}
"""Caps on a reply: the longest right ones take 20 and 115 tokens."""
MAX_MODEL_LEN: Final = 512
SLOTS: Final = 32
KV_CACHE_MIB: Final = 2_048


@dataclass(frozen=True, slots=True)
class Reply:
    """What one rung answered to the question of this number, and the tokens it took."""

    number: int
    depth: int
    mode: Mode
    text: str
    prompt_tokens: int
    output_tokens: int


def questions(seed: int, per_cell: int) -> list[Question]:
    """`per_cell` questions of each family and level, in wordings that never came in training."""
    return [
        family.question(Random(f"{seed}:{family.name}:{level}:{number}"), level, held_out=True)  # noqa: S311
        for family in all_families().values()
        for level in LEVELS
        for number in range(per_cell)
    ]


def ask(engine: Any, depth: int, asked: list[Question], mode: Mode) -> list[Reply]:
    """The replies of one rung, greedy."""
    from vllm import SamplingParams

    sampling = SamplingParams(temperature=0, max_tokens=MAX_TOKENS[mode])
    outputs = engine.generate([prompt(question.text, mode) for question in asked], sampling, use_tqdm=False)
    return [
        Reply(number, depth, mode, text, len(output.prompt_token_ids), len(output.outputs[0].token_ids))
        for number, output in enumerate(outputs)
        for text in (whole(output.outputs[0].text, mode),)
    ]


def whole(text: str, mode: Mode) -> str:
    """The reply, or nothing where it is a thought that did not come to its end."""
    return "" if mode == "think" and END_THINK not in text else text


def start(model: Path, depth: int, full_depth: int, threads: int) -> Any:
    """vLLM in this process, with the tier of `depth` layers."""
    config = EngineConfig(
        model_path=str(model),
        dtype="bfloat16",
        layers=depth if depth < full_depth else 0,
        threads=threads,
        kv_cache_mib=KV_CACHE_MIB,
        max_model_len=MAX_MODEL_LEN,
    )
    os.environ |= vllm_options.environment(config, {"VLLM_LOGGING_LEVEL": "WARNING"})
    from vllm import LLM

    return LLM(**vllm_options.options(config, slots=SLOTS), enable_prefix_caching=False)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--depth", type=int, required=True)
    parser.add_argument("--per-cell", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    full_depth = json.loads((options.model / "config.json").read_text())["num_hidden_layers"]
    engine = start(options.model, options.depth, full_depth, options.threads)
    asked = questions(options.seed, options.per_cell)
    for mode in MODES:
        for reply in ask(engine, options.depth, asked, mode):
            sys.stdout.write(json.dumps(asdict(reply)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
