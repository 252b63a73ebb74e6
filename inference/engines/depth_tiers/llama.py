"""vLLM's Llama with fewer layers: the same computation, other weights at its end."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor
from vllm.config import VllmConfig
from vllm.model_executor.models.llama import LlamaForCausalLM

from . import exit_file
from .weights import kept


class DepthTierForCausalLM(LlamaForCausalLM):
    """The first `num_hidden_layers` layers of a merged checkpoint, with the exit after them."""

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        """Build the layers; FileNotFoundError where the checkpoint has no exit at this depth."""
        super().__init__(vllm_config=vllm_config, prefix=prefix)
        self._exit = Path(vllm_config.model_config.model) / exit_file(self.config.num_hidden_layers)
        if not self._exit.exists():
            raise FileNotFoundError(f"no exit after {self.config.num_hidden_layers} layers: {self._exit}")

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> set[str]:
        """Load what the tier keeps of `weights`, then its exit."""
        own = kept(weights, self.config.num_hidden_layers)
        loaded: set[str] = super().load_weights(chain(own, load_file(self._exit).items()))
        return loaded
