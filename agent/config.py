"""What the operator decides: a TOML file, overridden by the command line and its environment variables."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.pricing import Policy


class ConfigError(Exception):
    """The configuration can not be used; the message says what to change."""


Device = Literal["cpu", "cuda"]


class Speculation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Guessing tokens ahead and checking them at once: answers come sooner, and cost the same."""

    method: Literal["none", "ngram", "draft"] = "none"
    """`ngram` guesses by what followed the same tokens before, `draft` by a smaller model."""
    tokens: Annotated[int, Meta(ge=1, le=16)] = 3
    """How many tokens are guessed at once."""
    draft_model_path: str = ""
    """The directory of the smaller model, of the same tokenizer."""
    ngram_least: Annotated[int, Meta(ge=1)] = 2
    ngram_most: Annotated[int, Meta(ge=1)] = 4
    """How many tokens must be the same as before, at least and at most."""


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One engine and how to reach it: at `url` where one runs already, else by starting vLLM."""

    name: str = ""
    """How it is called in reports; empty: its model, and its number where there are several."""
    model: str = ""
    """The model it serves; empty: the agent's."""
    slots: int = 0
    """Leases served at once here; 0: the agent's."""
    url: str = ""
    """An engine that is already running; of what follows only `api` and `model_path` count then."""
    api: Literal["vllm", "llama.cpp", "openai"] = "vllm"
    """What answers at `url`; of an "openai" server the text is encoded by the tokenizer in `model_path`."""
    python: str = ".venv-engine/bin/python"
    """The Python that has vLLM installed."""
    model_path: str = ""
    """The directory of the model's checkpoint."""
    device: Device = "cpu"
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """The numbers it computes in; auto: as the checkpoint says."""
    layers: int = 0
    """How many of the checkpoint's layers it serves, of those with an exit (a depth tier); 0: all."""
    speculation: Speculation = Speculation()
    threads: int = 0
    """Threads that compute, on the CPU; 0: half of the cores, at least one."""
    kv_cache_mib: int = 512
    """Memory for the KV cache, on the CPU."""
    gpus: tuple[int, ...] = ()
    """The GPUs that vLLM sees, by their numbers; none: all of the host."""
    tensor_parallel: int = 0
    """Over how many GPUs the model is split; 0: all in `gpus`, or one."""
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

    @property
    def tensor_parallel_size(self) -> int:
        """Over how many GPUs the model is split: as configured, or over all that were given."""
        return self.tensor_parallel or max(1, len(self.gpus))


class PricingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to sell, and for how much. Without offers the agent places none."""

    key_file: str = ""
    """A file with a key of the organisation's that may trade; else CUX_AGENT_TRADING_KEY."""
    every_s: Annotated[int, Meta(ge=1)] = 30
    """How often the offers are brought in step."""
    offer: tuple[Policy, ...] = ()


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One agent: one exchange, one or more engines, each with one model."""

    exchange: str = ""
    state: str = "~/.local/state/cux-agent"
    name: str = ""
    model: str = ""
    """The model to serve, by its name on the exchange; empty: the only one that the exchange allows."""
    slots: int = 8
    """Leases served at once, by each engine."""
    drain_s: int = 120
    """How long running leases may take to finish after SIGTERM."""
    claim_wait_s: int = 20
    """How long one request for leases waits."""
    measure_s: int = 5
    """How long to measure capacity where none was measured under the model's card; 0: not at all."""
    engine: tuple[EngineConfig, ...] = (EngineConfig(),)
    """A table, or an array of tables where there are several engines."""
    pricing: PricingConfig = PricingConfig()


def load(path: Path | None, overrides: dict[str, Any], engine_overrides: dict[str, Any]) -> Config:
    """The configuration of the file at `path`, if any, with the overrides that are not None.

    Raises ConfigError for a file that is missing, not TOML, or has unknown or impossible settings.
    """
    settings = _read(path) if path else {}
    settings |= {name: value for name, value in overrides.items() if value is not None}
    settings["engine"] = _engines(settings.get("engine", {}), engine_overrides)
    try:
        config = msgspec.convert(settings, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path or 'configuration'}: {error}") from error
    _check(config)
    return config


def _engines(given: Any, overrides: dict[str, Any]) -> Any:
    """The engines' settings as a list; options of the command line are for the one engine there is."""
    engines = [given] if isinstance(given, dict) else given
    options = {name: value for name, value in overrides.items() if value is not None}
    if not options or not isinstance(engines, list):
        return engines
    if len(engines) != 1 or not isinstance(engines[0], dict):
        raise ConfigError(f"there are several engines: set {', '.join(sorted(options))} in the file")
    return [engines[0] | options]


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
    if not config.engine:
        raise ConfigError("engine: give one at least")
    instruments = [policy.instrument for policy in config.pricing.offer]
    if len(set(instruments)) != len(instruments):
        raise ConfigError("pricing: one offer for each instrument")
    for engine in config.engine:
        _check_engine(engine)


def _check_engine(engine: EngineConfig) -> None:
    if engine.slots < 0:
        raise ConfigError(f"slots of an engine must not be negative, was {engine.slots}")
    if engine.gpus and engine.tensor_parallel_size > len(engine.gpus):
        raise ConfigError(f"tensor_parallel is {engine.tensor_parallel} with {len(engine.gpus)} GPUs")
    if engine.device == "cpu" and (engine.gpus or engine.tensor_parallel > 1):
        raise ConfigError('gpus and tensor_parallel are for device = "cuda"')
    if engine.layers < 0:
        raise ConfigError(f"layers must not be negative, was {engine.layers}")
    _check_speculation(engine.speculation)


def _check_speculation(speculation: Speculation) -> None:
    if (speculation.method == "draft") != bool(speculation.draft_model_path):
        raise ConfigError('speculation: draft_model_path goes with method = "draft"')
    if speculation.ngram_least > speculation.ngram_most:
        raise ConfigError("speculation: ngram_least is more than ngram_most")
