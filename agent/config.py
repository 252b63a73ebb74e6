"""What the operator decides: a TOML file, overridden by the command line and its environment variables."""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec


class ConfigError(Exception):
    """The configuration can not be used; the message says what to change."""


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach vLLM: at `url` where one runs already, else by starting one."""

    url: str = ""
    """An engine that is already running; nothing else here counts then."""
    python: str = ".venv-engine/bin/python"
    """The Python that has vLLM installed."""
    model_path: str = ""
    """The directory of the model's checkpoint."""
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = 0
    """Threads that compute, on the CPU; 0: half of the cores, at least one."""
    kv_cache_mib: int = 512
    """Memory for the KV cache, on the CPU."""
    gpu_memory_utilization_percent: int = 90
    max_model_len: int = 2_048
    start_s: int = 600
    """How long a start may take."""
    extra_args: list[str] = []
    """More options for vLLM, handed on as they are."""

    @property
    def compute_threads(self) -> int:
        """Threads that compute: as configured, or half of the cores (a second server shares this host)."""
        return self.threads or max(1, len(os.sched_getaffinity(0)) // 2)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One agent: one exchange, one model, one engine."""

    exchange: str = ""
    state: str = "~/.local/state/cux-agent"
    name: str = ""
    model: str = ""
    """The model to serve, by its name on the exchange; empty: the only one that the exchange allows."""
    slots: int = 8
    """Leases served at once."""
    drain_s: int = 120
    """How long running leases may take to finish after SIGTERM."""
    claim_wait_s: int = 20
    """How long one request for leases waits."""
    measure_s: int = 5
    """How long to measure capacity where none was measured under the model's card; 0: not at all."""
    engine: EngineConfig = EngineConfig()


def load(path: Path | None, overrides: dict[str, Any], engine_overrides: dict[str, Any]) -> Config:
    """The configuration of the file at `path`, if any, with the overrides that are not None.

    Raises ConfigError for a file that is missing, not TOML, or has unknown or impossible settings.
    """
    settings = _read(path) if path else {}
    settings |= {name: value for name, value in overrides.items() if value is not None}
    engine = settings.get("engine", {})
    if isinstance(engine, dict):
        settings["engine"] = engine | {k: v for k, v in engine_overrides.items() if v is not None}
    try:
        config = msgspec.convert(settings, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path or 'configuration'}: {error}") from error
    _check(config)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"can not read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _check(config: Config) -> None:
    if config.slots < 1:
        raise ConfigError(f"slots must be at least 1, was {config.slots}")
    if config.exchange and not config.exchange.startswith(("http://", "https://")):
        raise ConfigError(f"exchange must be an http:// or https:// address, was {config.exchange!r}")
    if not 0 <= config.claim_wait_s <= 60:
        raise ConfigError(f"claim_wait_s must be within 0 and 60, was {config.claim_wait_s}")
