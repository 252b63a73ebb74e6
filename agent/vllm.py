"""How vLLM is run, on hosts with and without a GPU: its options and environment, in this one place.

`options` names them as vLLM's own arguments are named. `command` writes them as a command line; a program
that runs vLLM in its own process hands them over as they are.
"""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from agent.config import ConfigError, Device, EngineConfig, Speculation

HOST = "127.0.0.1"
BLOCK_TOKENS = 32
"""The block of the cached-prefix contract; the CPU build would take 128."""
MIB = 2**20
TIER_ARCHITECTURE: Final = "DepthTierForCausalLM"
"""The model class of a checkpoint's first layers, which the plugin `cux-depth-tiers` brings into vLLM."""

Options = dict[str, object]

ALWAYS: Final[Options] = {"block_size": BLOCK_TOKENS, "enable_mfu_metrics": True}
OF_DEVICE: Final[Mapping[Device, Options]] = {
    # Without a worker process of its own the server starts a third faster and takes 0.6 GB less; there is
    # no compiler to gain from.
    "cpu": {"enforce_eager": True, "distributed_executor_backend": "uni"},
    "cuda": {},
}
ENVIRONMENT: Final = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
"""No network access for models, no usage reports."""


def options(config: EngineConfig, *, slots: int) -> Options:
    """What vLLM is told, by the names of its arguments (`--max-model-len` is `max_model_len`)."""
    found: Options = {
        "model": config.model_path,
        "max_model_len": config.max_model_len,
        "max_num_seqs": slots,
        **ALWAYS,
        **OF_DEVICE[config.device],
    }
    if config.device == "cpu":
        found["kv_cache_memory_bytes"] = config.kv_cache_mib * MIB
    else:
        found["gpu_memory_utilization"] = config.gpu_memory_utilization_percent / 100
    if config.tensor_parallel_size > 1:
        found["tensor_parallel_size"] = config.tensor_parallel_size
    if config.dtype != "auto":
        found["dtype"] = config.dtype
    if config.layers:
        found["hf_overrides"] = tier_overrides(config.layers)
    if config.speculation.method != "none":
        found["speculative_config"] = speculative(config.speculation)
    return found


def tier_overrides(layers: int) -> dict[str, object]:
    """What makes vLLM serve the first `layers` layers of a checkpoint that has an exit there."""
    return {
        "architectures": [TIER_ARCHITECTURE],
        "num_hidden_layers": layers,
        "tie_word_embeddings": False,
    }


def speculative(config: Speculation) -> dict[str, object]:
    """vLLM's description of what guesses tokens ahead."""
    guess: dict[str, object] = {"num_speculative_tokens": config.tokens}
    if config.method == "draft":
        return guess | {"method": "draft_model", "model": config.draft_model_path}
    return guess | {
        "method": "ngram",
        "prompt_lookup_min": config.ngram_least,
        "prompt_lookup_max": config.ngram_most,
    }


def command(config: EngineConfig, *, model: str, slots: int, port: int) -> list[str]:
    """The argument list that serves `model` on `port` of this host's loopback interface.

    The module is named, not the `vllm` command: the CPU wheel's command fails.
    """
    served = {"served_model_name": model, "host": HOST, "port": port}
    return [
        config.python,
        "-m",
        "vllm.entrypoints.openai.api_server",
        *as_arguments(options(config, slots=slots) | served),
        *config.extra_args,
    ]


def as_arguments(given: Options) -> list[str]:
    """Options as a command line has them: a switch for True, JSON for what has parts."""
    words = []
    for name, value in given.items():
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(json.dumps(value) if isinstance(value, dict) else str(value))
    return words


def environment(config: EngineConfig, base: Mapping[str, str]) -> dict[str, str]:
    """The environment of the server: `base`, and what cannot be said by options."""
    settings = dict(ENVIRONMENT)
    if config.device == "cpu":
        # The worker runs inside the engine's process (OF_DEVICE), so vLLM binds no threads to cores: two
        # servers on one host would be bound to the same ones.
        settings |= {
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "OMP_NUM_THREADS": str(config.compute_threads),
        }
    if config.gpus:
        settings["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, config.gpus))
    return {**base, **settings}


def free_port() -> int:
    """A port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def check(config: EngineConfig) -> None:
    """Raise ConfigError unless there are a Python and a model to start with."""
    if not Path(config.python).exists():
        raise ConfigError(f"no engine Python at {config.python}: set engine.python, or --engine-url")
    if not (Path(config.model_path) / "config.json").exists():
        raise ConfigError(f"no model in {config.model_path or '(not set)'}: set engine.model_path")


def manifest(config: EngineConfig) -> Mapping[str, str] | None:
    """What the prepared model's directory states of it (`cux-model.json`); None where it states nothing."""
    path = Path(config.model_path) / "cux-model.json"
    if config.url or not path.exists():
        return None
    try:
        stated = json.loads(path.read_text())
        return {name: str(stated[name]) for name in ("model_id", "revision")}
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} can not be read") from error


def layers(config: EngineConfig) -> int | None:
    """How many layers the engine serves; None where that can not be told from here."""
    path = Path(config.model_path) / "config.json"
    if config.layers or config.url or not path.exists():
        return config.layers or None
    found = json.loads(path.read_text()).get("num_hidden_layers")
    return found if isinstance(found, int) else None
