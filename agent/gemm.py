"""Measure a device: `python gemm.py DEVICE SEED`, run by the engine's Python, which has torch.

It multiplies square matrices drawn from the seed, doubled in size until one product takes long enough or
would take a fifth of the device's memory, in each precision; the fastest counts. Prints one line of JSON.
It is run as a file and imports nothing of the agent.
"""

import importlib
import json
import os
import sys
import time
from typing import Any

ENOUGH_S = 0.05
MEASURED_S = 0.5
FIRST = 256
LARGEST = 16_384
MEMORY_SHARE = 5


def memory_bytes(torch: Any, device: str) -> int:
    """Memory of the device, or of the host."""
    if device == "cuda":
        return sum(
            int(torch.cuda.get_device_properties(index).total_memory)
            for index in range(torch.cuda.device_count())
        )
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def measure(torch: Any, device: str, dtype: Any, seed: int, memory: int) -> int:
    """FLOP/s of matrix products in one precision, rounded down."""
    generator = torch.Generator().manual_seed(seed)
    size = FIRST
    while True:
        left, right = (
            torch.randn(size, size, generator=generator).to(device=device, dtype=dtype) for _ in range(2)
        )
        took_s = multiply(torch, device, left, right, 1)
        too_large = 3 * (2 * size) ** 2 * 4 * MEMORY_SHARE > memory or 2 * size > LARGEST
        if took_s >= ENOUGH_S or too_large:
            break
        size *= 2
    times = max(1, int(MEASURED_S / max(took_s, 1e-6)))
    return int(2 * size**3 * times / multiply(torch, device, left, right, times))


def multiply(torch: Any, device: str, left: Any, right: Any, times: int) -> float:
    """Seconds that so many products take; each depends on the one before, so none can be left out."""
    scale = left.shape[0] ** -0.5
    torch.matmul(left, right)
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    found = left
    for _ in range(times):
        found = torch.matmul(found, right) * scale
    if device == "cuda":
        torch.cuda.synchronize()
    took_s = time.perf_counter() - started
    if not bool(torch.isfinite(found.float().sum())):
        raise SystemExit("the products are not numbers")
    return took_s


def main(device: str, seed: int) -> None:
    """Print FLOP/s, memory and torch's version."""
    torch: Any = importlib.import_module("torch")  # of the engine's environment
    memory = memory_bytes(torch, device)
    rates = [measure(torch, device, dtype, seed, memory) for dtype in (torch.float32, torch.bfloat16)]
    found = {"flops_per_second": max(rates), "memory_mib": memory // 2**20, "torch": torch.__version__}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
