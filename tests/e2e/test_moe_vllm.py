"""A mixture of experts costs what its card says: the active experts of each layer, by vLLM's own counter."""

import json
from pathlib import Path

import pytest

from inference.engines.model_card import card_of
from inference.engines.model_manifest import manifest_of, write_manifest
from tests.e2e.tier_lab import MODEL, engine_python

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(300)]

TINY = """
import shutil, sys
from pathlib import Path
import torch
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM
out, model = Path(sys.argv[1]), Path(sys.argv[2])
torch.manual_seed(0)
config = Qwen3MoeConfig(
    hidden_size=128, intermediate_size=256, moe_intermediate_size=96, num_hidden_layers=3,
    num_attention_heads=4, num_key_value_heads=2, head_dim=32, num_experts=8, num_experts_per_tok=2,
    vocab_size=49152, tie_word_embeddings=True, max_position_embeddings=512, bos_token_id=1, eos_token_id=2,
)
Qwen3MoeForCausalLM(config).bfloat16().save_pretrained(out)
for name in ("tokenizer.json", "tokenizer_config.json"):
    shutil.copyfile(model / name, out / name)
"""


def test_vllm_counts_the_closed_form_of_a_mixture_of_experts_exactly(tmp_path: Path) -> None:
    model = tmp_path / "moe"
    engine_python("-c", TINY, str(model), str(MODEL))
    write_manifest(model, manifest_of(model, model_id="moe", source="drawn", precision="bfloat16"))
    card = card_of(model)
    assert (card.moe_layers, card.experts_total, card.experts_active) == (3, 8, 2)
    check = ("-m", "inference.engines.flops_check", "--model", str(model), "--no-torch", "--in-process")
    jobs = [json.loads(line) for line in engine_python(*check).splitlines()]
    assert [(job["prompt_tokens"], job["output_tokens"]) for job in jobs] == [(1, 1), (33, 7), (100, 20)]
    for job in jobs:
        assert job["measured_flops"] == job["closed_form_flops"]
    # 119 forwarded tokens through three layers with two of eight experts, 20 unembeddings, and attention.
    linear = 2 * 3 * (128 * 32 * (4 + 2 * 2 + 4) + 3 * 128 * 96 * 2)
    assert jobs[-1]["measured_flops"] == 119 * linear + 20 * 2 * 128 * 49_152 + 4 * 4 * 32 * 3 * 12_090
