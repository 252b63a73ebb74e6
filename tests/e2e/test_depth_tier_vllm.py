"""A depth tier on real vLLM: the tokens of the truncated network, and the FLOPs of a card with its layers."""

import json

import httpx
import pytest

from inference.engines.depth_tiers import hf_overrides
from tests.e2e.tier_lab import engine_python, merged_model, served

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

PROMPTS = [[1, 4093, 198, 1780, 314, 216, 36, 731, 216, 35, 47, 2, 198], [504, 2365, 282, 4649, 314]]
TOKENS = 12


def completion(url: str, prompt: list[int]) -> list[int]:
    """The greedy tokens that the server gives after `prompt`, whatever they are."""
    body = {
        "model": "tier",
        "prompt": prompt,
        "max_tokens": TOKENS,
        "temperature": 0,
        "ignore_eos": True,
        "return_token_ids": True,
    }
    answer = httpx.post(f"{url}/v1/completions", json=body, timeout=60).raise_for_status().json()
    return list(answer["choices"][0]["token_ids"])


def test_a_tier_of_ten_layers_answers_and_costs_as_its_layers_do(tmp_path):
    model = merged_model(tmp_path)
    cut = ("-m", "inference.training.truncated", "--model", str(model), "--tokens", str(TOKENS))
    at_10, at_30 = (
        json.loads(engine_python(*cut, "--depth", depth, given=json.dumps(PROMPTS))) for depth in ("10", "30")
    )
    assert at_10 != at_30
    with served(model, "tier", "--hf-overrides", json.dumps(hf_overrides(10))) as url:
        assert [completion(url, prompt) for prompt in PROMPTS] == at_10
        check = ("-m", "inference.engines.flops_check", "--model", str(model), "--depth", "10")
        lines = engine_python(*check, "--vllm-url", url, "--served-name", "tier").splitlines()
    jobs = [json.loads(line) for line in lines]
    assert [(job["prompt_tokens"], job["output_tokens"]) for job in jobs] == [(1, 1), (33, 7), (100, 20)]
    for job in jobs:
        assert job["measured_flops"] == job["closed_form_flops"]
    # 119 forwarded tokens through 10 layers, 20 unembeddings, and attention over 10,000 + Σ 101…119 places.
    assert jobs[-1]["measured_flops"] == 119 * 70_778_880 + 20 * 56_623_104 + 23_040 * 12_090
