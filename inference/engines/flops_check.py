"""Compare the closed form every bill follows with two independent counters, on the real checkpoint.

Run in the engine environment: `python -m inference.engines.flops_check --model DIRECTORY [--vllm-url URL]`.

* torch's FlopCounterMode around a prefill (logits of the last prompt position only) and the decode steps:
  within 1 %. It counts 2mnk for every matrix product that runs, so with eager attention, where scores and
  weighted sum are products of whole matrices, a prompt's attention is P² per head without causal halving: the
  closed form's own convention. Under SDPA the CPU kernel is not in its table: attention would be missing.
* vLLM's `--enable-mfu-metrics` counter of a running, idle server around one uncached, unchunked job: exactly
  equal.

Each comparison is one JSON line on standard output; the exit status is 1 where one does not hold.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cux.wire.card import ComputeCard
from cux.wire.metering import usage
from inference.compute import card_from_config
from inference.engines.model_manifest import read_manifest

TORCH_JOBS = ((48, 6),)
VLLM_JOBS = ((1, 1), (33, 7), (100, 20))
"""Jobs as (prompt tokens, output tokens)."""
TORCH_TOLERANCE_PPM = 10_000
FLOPS_METRIC = "vllm:estimated_flops_per_gpu_total"
RUNNING_METRIC = "vllm:num_requests_running"
WAIT_S = 30


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


def card_of(model: Path) -> ComputeCard:
    """The compute card of the prepared model in `model`; SystemExit where there is none."""
    manifest = read_manifest(model)
    if manifest is None:
        raise SystemExit(f"no prepared model in {model}: run inference.engines.model_prepare first")
    config = json.loads((model / "config.json").read_text())
    return card_from_config(
        config, model=manifest.model_id, revision=manifest.revision, precision=manifest.precision
    )


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
    """FLOPs vLLM counts for one job on the server at `url`, which must have nothing else to do.

    The prompt is drawn anew, so that no prefix of it is cached.
    """
    _wait_until(url, lambda metrics: metrics[RUNNING_METRIC] == 0)
    before = _metrics(url)[FLOPS_METRIC]
    body = {
        "model": model,
        "prompt": [100 + secrets.randbelow(vocab_size - 100) for _ in range(prompt_tokens)],
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
    parser.add_argument("--served-name", default=None, help="the model's name there (default: its id)")
    parser.add_argument("--no-torch", action="store_true", help="compare with vLLM's counter only")
    options = parser.parse_args()
    card = card_of(options.model)
    results = []
    for p, g in () if options.no_torch else TORCH_JOBS:
        results.append(compare("torch", card, p, g, torch_flops(options.model, p, g), TORCH_TOLERANCE_PPM))
    for p, g in VLLM_JOBS if options.vllm_url else ():
        name = options.served_name or card.model
        counted = vllm_flops(options.vllm_url, name, p, g, card.vocab_size)
        results.append(compare("vllm", card, p, g, counted, tolerance_ppm=0))
    for result in results:
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
    sys.exit(not all(result.ok for result in results))


if __name__ == "__main__":
    main()
