"""Compare the closed form every bill follows with two independent counters, on the real checkpoint.

Run in the engine environment: `python -m inference.engines.flops_check --model DIRECTORY`; with
`--vllm-url URL` or `--in-process` for vLLM's counter.

* torch's FlopCounterMode around a prefill (logits of the last prompt position only) and the decode steps:
  within 1 %. It counts 2mnk for every matrix product that runs, so with eager attention, where scores and
  weighted sum are products of whole matrices, a prompt's attention is P² per head without causal halving: the
  closed form's own convention. Under SDPA the CPU kernel is not in its table: attention would be missing.
* vLLM's `--enable-mfu-metrics` counter around one uncached, unchunked job, of a running, idle server or of an
  engine started here: exactly equal. Neither counts a router's own product (hidden size × experts).

Each comparison is one JSON line on standard output; the exit status is 1 where one does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent import vllm
from agent.config import EngineConfig
from cux.wire.card import ComputeCard
from cux.wire.metering import usage
from inference.engines.model_card import card_of

TORCH_JOBS = ((48, 6),)
VLLM_JOBS = ((1, 1), (33, 7), (100, 20))
"""Jobs as (prompt tokens, output tokens)."""
TORCH_TOLERANCE_PPM = 10_000
FLOPS_METRIC = "vllm:estimated_flops_per_gpu_total"
RUNNING_METRIC = "vllm:num_requests_running"
WAIT_S = 30
CONTEXT_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Comparison:
    """One job measured by `counter`; the difference is measured ÷ closed form − 1, in ppm rounded to zero."""

    counter: str
    prompt_tokens: int
    output_tokens: int
    measured_flops: int
    closed_form_flops: int
    difference_ppm: int
    ok: bool


def compare(
    counter: str, card: ComputeCard, prompt_tokens: int, output_tokens: int, measured: int, tolerance_ppm: int
) -> Comparison:
    """Hold `measured` FLOPs of a job against the closed form; a tolerance of 0 asks for equality."""
    expected = usage(card, prompt_tokens=prompt_tokens, output_tokens=output_tokens).raw_flops
    ok = abs(measured - expected) * 1_000_000 <= tolerance_ppm * expected
    difference_ppm = int((measured - expected) * 1_000_000 / expected)
    return Comparison(counter, prompt_tokens, output_tokens, measured, expected, difference_ppm, ok)


def torch_flops(model: Path, prompt_tokens: int, output_tokens: int) -> int:
    """FLOPs torch counts for one job on the checkpoint: a prefill and output_tokens - 1 decode steps."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)  # on a busy host more of them wait for each other ten times as long
    network = AutoModelForCausalLM.from_pretrained(
        model, dtype=torch.bfloat16, attn_implementation="eager", local_files_only=True
    )
    prompt = torch.randint(100, network.config.vocab_size, (1, prompt_tokens))
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        step = network(prompt, use_cache=True, logits_to_keep=1)
        for _ in range(output_tokens - 1):
            token = step.logits[:, -1:].argmax(-1)
            step = network(token, past_key_values=step.past_key_values, use_cache=True, logits_to_keep=1)
    return int(counter.get_total_flops())


def vllm_flops(url: str, model: str, prompt_tokens: int, output_tokens: int, vocab_size: int) -> int:
    """FLOPs vLLM counts for one job on the server at `url`, which must have nothing else to do."""
    _wait_until(url, lambda metrics: metrics[RUNNING_METRIC] == 0)
    before = _metrics(url)[FLOPS_METRIC]
    body = {
        "model": model,
        "prompt": drawn_prompt(prompt_tokens, vocab_size),
        "max_tokens": output_tokens,
        "ignore_eos": True,
        "temperature": 0,
    }
    answer = _post(f"{url}/v1/completions", body)
    if answer["usage"]["completion_tokens"] != output_tokens:
        raise SystemExit(f"expected {output_tokens} tokens, vLLM answered {answer['usage']}")
    # The last step's figures are recorded just after the answer is sent; the running gauge drops with them.
    after = _wait_until(url, lambda metrics: metrics[RUNNING_METRIC] == 0 and metrics[FLOPS_METRIC] > before)[
        FLOPS_METRIC
    ]
    return int(after - before)


def in_process_flops(model: Path, depth: int | None, vocab_size: int) -> list[int]:
    """FLOPs vLLM counts for each of VLLM_JOBS, on an engine in this process."""
    from vllm import LLM, SamplingParams

    config = EngineConfig(model_path=str(model), layers=depth or 0, max_model_len=CONTEXT_TOKENS)
    os.environ |= vllm.environment(config, {"VLLM_LOGGING_STREAM": "ext://sys.stderr"})
    engine = LLM(**vllm.options(config, slots=1), disable_log_stats=False)

    def counted() -> int:
        found = {metric.name: metric for metric in engine.get_metrics()}
        return int(found[FLOPS_METRIC.removesuffix("_total")].value)

    measured = []
    for prompt_tokens, output_tokens in VLLM_JOBS:
        before = counted()
        sampling = SamplingParams(temperature=0, max_tokens=output_tokens, ignore_eos=True)
        prompt = {"prompt_token_ids": drawn_prompt(prompt_tokens, vocab_size)}
        engine.generate(prompt, sampling, use_tqdm=False)
        measured.append(counted() - before)
    return measured


def drawn_prompt(tokens: int, vocab_size: int) -> list[int]:
    """A prompt drawn anew, so that no prefix of it is cached."""
    return [100 + secrets.randbelow(vocab_size - 100) for _ in range(tokens)]


def _wait_until(url: str, holds: Any) -> dict[str, float]:
    deadline = time.monotonic() + WAIT_S
    while not holds(metrics := _metrics(url)):
        if time.monotonic() > deadline:
            raise SystemExit(f"vLLM at {url} did not come to rest within {WAIT_S} s")
        time.sleep(0.05)
    return metrics


def _metrics(url: str) -> dict[str, float]:
    """The two metrics read here, summed over engines."""
    totals = {FLOPS_METRIC: 0.0, RUNNING_METRIC: 0.0}
    with urllib.request.urlopen(f"{url}/metrics", timeout=WAIT_S) as answer:  # noqa: S310 (given by the operator)
        for line in answer.read().decode().splitlines():
            name = line.partition("{")[0]
            if name in totals:
                totals[name] += float(line.rpartition(" ")[2])
    return totals


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(  # noqa: S310 (given by the operator)
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=WAIT_S * 10) as answer:  # noqa: S310
        return json.load(answer)


def main() -> None:
    """Command line: print each comparison as a JSON line; exit 1 if one does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="directory of the prepared model")
    parser.add_argument("--vllm-url", help="a running, idle server of this model with --enable-mfu-metrics")
    parser.add_argument("--in-process", action="store_true", help="start vLLM here and compare its counter")
    parser.add_argument("--served-name", default=None, help="the model's name there (default: its id)")
    parser.add_argument("--no-torch", action="store_true", help="compare with vLLM's counter only")
    parser.add_argument(
        "--depth", type=int, help="the tier that is served there; its FLOPs are compared with vLLM only"
    )
    options = parser.parse_args()
    try:
        card = card_of(options.model, options.depth)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    results = []
    for p, g in () if options.no_torch or options.depth else TORCH_JOBS:
        results.append(compare("torch", card, p, g, torch_flops(options.model, p, g), TORCH_TOLERANCE_PPM))
    for p, g in VLLM_JOBS if options.vllm_url else ():
        name = options.served_name or card.model
        counted = vllm_flops(options.vllm_url, name, p, g, card.vocab_size)
        results.append(compare("vllm", card, p, g, counted, tolerance_ppm=0))
    if options.in_process:
        found = in_process_flops(options.model, options.depth, card.vocab_size)
        for job, flops in zip(VLLM_JOBS, found, strict=True):
            results.append(compare("vllm", card, *job, flops, tolerance_ppm=0))
    for result in results:
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
    sys.exit(not all(result.ok for result in results))


if __name__ == "__main__":
    main()
