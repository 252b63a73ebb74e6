"""The host's NVIDIA GPUs, read through NVML where its Python bindings are installed."""

import importlib
from typing import Any

import msgspec

MIB = 2**20
EXTRA = "pip install 'cux-agent[gpu]'"


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU as NVML shows it now; `energy_mj` is in millijoules since the driver was loaded."""

    index: int
    name: str
    memory_mib: int
    memory_used_mib: int
    busy_percent: int
    power_mw: int
    energy_mj: int


class GpusUnknownError(Exception):
    """There is no reading; the message says why."""


def read_gpus() -> list[Gpu]:
    """Read every GPU of this host. Raises GpusUnknownError: no bindings, no driver, or no answer."""
    try:
        nvml: Any = importlib.import_module("pynvml")
    except ImportError as error:
        raise GpusUnknownError(f"no NVML bindings here: {EXTRA}") from error
    try:
        nvml.nvmlInit()
        try:
            return [_read(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
        finally:
            nvml.nvmlShutdown()
    except nvml.NVMLError as error:
        raise GpusUnknownError(f"NVML does not answer: {error}") from error


def _read(nvml: Any, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    name = nvml.nvmlDeviceGetName(handle)

    def optional(read: Any) -> int:
        # Not every card meters power and energy.
        try:
            return int(read(handle))
        except nvml.NVMLError:
            return 0

    return Gpu(
        index=index,
        name=name.decode() if isinstance(name, bytes) else name,
        memory_mib=memory.total // MIB,
        memory_used_mib=memory.used // MIB,
        busy_percent=int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
        power_mw=optional(nvml.nvmlDeviceGetPowerUsage),
        energy_mj=optional(nvml.nvmlDeviceGetTotalEnergyConsumption),
    )
