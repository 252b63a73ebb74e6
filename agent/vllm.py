"""The command line and environment of a vLLM server, for hosts with and without a GPU."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path

from agent.config import ConfigError, EngineConfig

HOST = "127.0.0.1"
BLOCK_TOKENS = 32
"""The block of the cached-prefix contract; the CPU build would take 128."""
MIB = 2**20


def command(config: EngineConfig, *, model: str, slots: int, port: int) -> list[str]:
    """The argument list that serves `model` on `port` of this host's loopback interface.

    The module is named, not the `vllm` command: the CPU wheel's command fails.
    """
    shared = {
        "--model": config.model_path,
        "--served-model-name": model,
        "--host": HOST,
        "--port": str(port),
        "--max-model-len": str(config.max_model_len),
        "--max-num-seqs": str(slots),
        "--block-size": str(BLOCK_TOKENS),
    }
    arguments = [part for option in shared.items() for part in option]
    return [
        config.python,
        "-m",
        "vllm.entrypoints.openai.api_server",
        *arguments,
        "--enable-mfu-metrics",
        *(_cpu_options(config) if config.device == "cpu" else _gpu_options(config)),
        *config.extra_args,
    ]


def environment(config: EngineConfig, base: Mapping[str, str]) -> dict[str, str]:
    """The environment of the server: `base`, no network access for models, no usage reports."""
    settings = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if config.device == "cpu":
        # The worker runs inside the engine's process (see _cpu_options), so vLLM binds no threads to cores:
        # two servers on one host would be bound to the same ones.
        settings |= {
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "OMP_NUM_THREADS": str(config.compute_threads),
        }
    return {**base, **settings}


def _cpu_options(config: EngineConfig) -> list[str]:
    # Without a worker process of its own the server starts a third faster and takes 0.6 GB less.
    return [
        "--enforce-eager",
        "--kv-cache-memory-bytes",
        str(config.kv_cache_mib * MIB),
        "--distributed-executor-backend",
        "uni",
    ]


def _gpu_options(config: EngineConfig) -> list[str]:
    percent = config.gpu_memory_utilization_percent
    return ["--gpu-memory-utilization", f"{percent // 100}.{percent % 100:02d}"]


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


def model_revision(config: EngineConfig) -> str | None:
    """The revision of the prepared model, where its directory states one (`cux-model.json`)."""
    manifest = Path(config.model_path) / "cux-model.json"
    if config.url or not manifest.exists():
        return None
    try:
        revision = json.loads(manifest.read_text())["revision"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{manifest} can not be read") from error
    return str(revision)
