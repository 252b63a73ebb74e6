"""Low-rank adaptation of a network's linear layers (Hu et al. 2021, arXiv:2106.09685), in a page of torch."""

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

ADAPTED: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class LoraLinear(nn.Module):
    """A frozen linear layer W with a trained low-rank part: y = W·x + scale · B·(A·x)."""

    def __init__(self, base: nn.Linear, rank: int, scale: float, generator: torch.Generator) -> None:
        """Start as W alone (B = 0), A drawn from `generator`."""
        super().__init__()
        self.base = base
        self.scale = scale
        bound = 1 / math.sqrt(base.in_features)
        drawn = torch.rand(rank, base.in_features, generator=generator)
        self.lora_a = nn.Parameter((drawn * 2 - 1) * bound)
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """Apply both parts, in the precision of `x`."""
        low = linear(x, self.lora_a.to(x.dtype))
        return self.base(x) + linear(low, (self.lora_b * self.scale).to(x.dtype))

    def merged(self) -> Tensor:
        """W with the trained part added; in float64, so that any processor's sum rounds to one bfloat16."""
        return self.base.weight.double() + self.scale * (self.lora_b.double() @ self.lora_a.double())


def adapt(network: nn.Module, *, rank: int, scale: float, seed: int) -> None:
    """Freeze `network` and put a LoraLinear in the place of each of its `ADAPTED` layers."""
    generator = torch.Generator().manual_seed(seed)
    network.requires_grad_(False)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if name in ADAPTED and isinstance(child, nn.Linear):
                setattr(parent, name, LoraLinear(child, rank, scale, generator))


def merged_state(network: nn.Module) -> dict[str, Tensor]:
    """The state dict of `network` as it was before `adapt`, each adapted weight merged, in bfloat16."""
    state = {name: value for name, value in network.state_dict().items() if "lora_" not in name}
    for name, module in network.named_modules():
        if isinstance(module, LoraLinear):
            state[f"{name}.weight"] = module.merged().detach()
            del state[f"{name}.base.weight"]
    return {name: value.bfloat16() for name, value in state.items()}
