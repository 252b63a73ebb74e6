"""The reference model, and those that a cheat runs in its place."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForCausalLM

GROUP: Final = 32
"""Weights that share a scale: the finest of common 4-bit formats, and so the hardest to tell."""
_FOUR_BIT_MOST: Final = 7
_EIGHT_BIT_MOST: Final = 127
_NOISE: Final = 0.05


def load(directory: Path) -> Any:
    """Return the model as the catalogue has it, in its own precision."""
    return AutoModelForCausalLM.from_pretrained(directory, dtype=torch.bfloat16).eval()


def rounded(model: Any, most: int) -> Any:
    """Return the model with each group of weights rounded to 2·most+1 steps and multiplied out again."""

    def step(weight: torch.Tensor) -> torch.Tensor:
        groups = weight.float().reshape(-1, GROUP)
        scale = groups.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / most
        return (torch.round(groups / scale) * scale).reshape(weight.shape).to(weight.dtype)

    return _changed(model, step)


def perturbed(model: Any) -> Any:
    """Return another model of the same shape: every matrix off by a twentieth of its spread."""
    generator = torch.Generator().manual_seed(7)

    def step(weight: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(weight.shape, generator=generator) * weight.float().std() * _NOISE
        return (weight.float() + noise).to(weight.dtype)

    return _changed(model, step)


def shallower(model: Any) -> Any:
    """Return the model with one of its layers left out, in the middle, where it is missed least."""
    made = copy.deepcopy(model)
    layers = made.model.layers
    del layers[len(layers) // 2]
    for index, layer in enumerate(layers):
        layer.self_attn.layer_idx = index
    made.config.num_hidden_layers = len(layers)
    return made


MODELS: Final[dict[str, Callable[[Any], Any]]] = {
    "honest": lambda model: model,
    "four_bit": lambda model: rounded(model, _FOUR_BIT_MOST),
    "eight_bit": lambda model: rounded(model, _EIGHT_BIT_MOST),
    "wrong_model": perturbed,
    "fewer_layers": shallower,
}


def _changed(model: Any, step: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    made = copy.deepcopy(model)
    with torch.no_grad():
        for layer in made.model.layers:
            for parameter in layer.parameters():
                if parameter.ndim == 2:
                    parameter.copy_(step(parameter))
    return made
