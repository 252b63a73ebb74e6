"""What a device can do at all: matrix products in the engine's environment, before the engine takes it."""

import logging
import os
import secrets
import subprocess
from pathlib import Path

import msgspec

from agent import gemm, vllm
from agent.config import EngineConfig

log = logging.getLogger("cux.agent.device")

SEEDS = 2**31
PATIENCE_S = 300


class DeviceMeasurement(msgspec.Struct, frozen=True):
    """FLOP/s and memory of a device; all 0 where they could not be measured."""

    flops_per_second: int = 0
    memory_mib: int = 0
    torch: str = ""


def measure_device(settings: EngineConfig) -> DeviceMeasurement:
    """Measure the device of an engine that this agent starts; one that runs already holds its own."""
    if settings.url or not Path(settings.python).exists():
        return DeviceMeasurement()
    arguments = [settings.python, "-I", gemm.__file__, settings.device, str(secrets.randbelow(SEEDS))]
    try:
        done = subprocess.run(
            arguments,
            capture_output=True,
            timeout=PATIENCE_S,
            check=True,
            env=vllm.environment(settings, os.environ),
        )
        return msgspec.json.decode(done.stdout, type=DeviceMeasurement)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        log.warning("device not measured: %s", error)
        return DeviceMeasurement()
