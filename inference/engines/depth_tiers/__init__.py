"""Depth tiers: the first layers of one checkpoint, served by vLLM as a cheaper model.

A merged checkpoint holds, beside the weights of its full depth, a file for each exit. vLLM serves tier k from
the same directory when told so by `hf_overrides(k)`: it then loads the first k layers alone, and the exit's
norm and unembedding in place of the last layer's. Installed as `cux_depth_tiers` in the engine
environment (its entry point registers the model class in every vLLM process); it ships alone.
"""

from typing import Any, Final

ARCHITECTURE: Final = "DepthTierForCausalLM"


def exit_file(depth: int) -> str:
    """Name of the file with the exit after `depth` layers: safetensors, under a name no loader looks for."""
    return f"exit-{depth}.tensors"


def hf_overrides(depth: int) -> dict[str, Any]:
    """What `--hf-overrides` must say for the tier of `depth` layers, and what its `config.json` would say."""
    return {"architectures": [ARCHITECTURE], "num_hidden_layers": depth, "tie_word_embeddings": False}


def register() -> None:
    """Tell vLLM where the model class is; called through the entry point, in each of its processes."""
    from vllm import ModelRegistry

    ModelRegistry.register_model(ARCHITECTURE, f"{__name__}.llama:{ARCHITECTURE}")
