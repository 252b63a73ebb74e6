"""The reasoner while it learns: the base model with low-rank parts, and an exit at each depth tier.

An exit at depth k reads the hidden state after layer k through a norm of its own and a square matrix that
starts as the identity (a *tuned lens*, Belrose et al. 2023, arXiv:2303.08112), then through the base model's
unembedding. Merging multiplies matrix and unembedding, so a tier costs what any model of k layers costs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, rms_norm
from transformers import AutoModelForCausalLM

from inference.training.examples import Batch
from inference.training.lora import adapt
from inference.training.network_shape import EXITS

RANK: Final = 32
SCALE: Final = 2.0


class Exit(nn.Module):
    """Norm and square matrix of one exit, in float32."""

    def __init__(self, final_norm: Tensor) -> None:
        """Start as the model's own final norm and the identity."""
        super().__init__()
        self.norm = nn.Parameter(final_norm.detach().float().clone())
        self.lens = nn.Parameter(torch.eye(len(final_norm)))


class Reasoner(nn.Module):
    """Base model (frozen, bfloat16), low-rank parts and exits (trained, float32)."""

    def __init__(self, base: Path, *, seed: int) -> None:
        """Read the base model from the directory `base`; draw the low-rank parts from `seed`."""
        super().__init__()
        model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16, local_files_only=True)
        self.body = model.model
        self.unembedding: Tensor = model.lm_head.weight.detach()
        adapt(self.body, rank=RANK, scale=SCALE, seed=seed)
        self.depth: int = model.config.num_hidden_layers
        self.norm_epsilon: float = model.config.rms_norm_eps
        self.exits = nn.ModuleDict({str(depth): Exit(self.body.norm.weight) for depth in EXITS})

    def trained_state(self) -> dict[str, Tensor]:
        """The trained tensors by name: what an adapter file holds."""
        return {name: value.detach() for name, value in self.named_parameters() if value.requires_grad}

    def load_trained(self, state: Mapping[str, Tensor]) -> None:
        """Take over trained tensors; KeyError or RuntimeError where they do not fit."""
        own = self.trained_state()
        if own.keys() != state.keys():
            raise KeyError(f"adapter of another network: {sorted(own.keys() ^ state.keys())[:4]}")
        for name, value in own.items():
            value.copy_(state[name])

    def exit_tensors(self, depth: int) -> dict[str, Tensor]:
        """The exit at `depth` as a model's last tensors, bfloat16: its lens folded into the unembedding."""
        way: Any = self.exits[str(depth)]
        folded = self.unembedding.double() @ way.lens.detach().double()
        norm = way.norm.detach().bfloat16()
        return {"model.norm.weight": norm, "lm_head.weight": folded.bfloat16().contiguous()}

    def forward(self, batch: Batch, places: Tensor) -> dict[int, Tensor]:
        """Normed bfloat16 states at `places` (a mask over the batch) by depth, the full one last."""
        hidden = torch.finfo(torch.bfloat16).min
        mask = torch.zeros(batch.visible.shape, dtype=torch.bfloat16).masked_fill(~batch.visible, hidden)
        output = self.body(
            input_ids=batch.ids,
            attention_mask=mask,
            position_ids=batch.positions,
            output_hidden_states=True,
            use_cache=False,
        )
        states = {depth: self._exit(depth, output.hidden_states[depth][places]) for depth in EXITS}
        return {**states, self.depth: output.last_hidden_state[places]}

    def _exit(self, depth: int, state: Tensor) -> Tensor:
        way: Any = self.exits[str(depth)]
        normed = rms_norm(state.float(), (state.shape[-1],), way.norm, self.norm_epsilon)
        return linear(normed.to(state.dtype), way.lens.to(state.dtype))
