"""A tier in transformers, to hold vLLM's against: `inference.training.truncated --model M --depth K`.

Reads prompts as a JSON list of lists of token ids from standard input and writes as many greedy
continuations, float32, one at a time.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

from inference.engines.depth_tiers import exit_file
from inference.engines.depth_tiers.weights import kept
from inference.engines.model_manifest import WEIGHTS_NAME


def truncated(model: Path, depth: int, dtype: torch.dtype = torch.float32) -> Any:
    """The merged checkpoint in `model`: its first `depth` layers with their exit, or all of it."""
    config = AutoConfig.from_pretrained(model, local_files_only=True)
    if depth == config.num_hidden_layers:
        return AutoModelForCausalLM.from_pretrained(model, dtype=dtype, local_files_only=True).eval()
    config.num_hidden_layers, config.tie_word_embeddings = depth, False
    network = AutoModelForCausalLM.from_config(config, dtype=dtype)
    state = dict(kept(load_file(model / WEIGHTS_NAME).items(), depth)) | load_file(model / exit_file(depth))
    network.load_state_dict(state)
    return network.eval()


def greedy(network: Any, prompt: list[int], tokens: int) -> list[int]:
    """The `tokens` most likely tokens, one after the other, whatever they are."""
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        output = network.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            eos_token_id=None,
        )
    answer: list[int] = output[0, len(prompt) :].tolist()
    return answer


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--depth", type=int, required=True)
    parser.add_argument("--tokens", type=int, default=16)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = truncated(options.model, options.depth)
    answers = [greedy(network, prompt, options.tokens) for prompt in json.load(sys.stdin)]
    sys.stdout.write(json.dumps(answers) + "\n")


if __name__ == "__main__":
    main()
