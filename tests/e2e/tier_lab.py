"""A merged checkpoint with exits whose tokens are its own, and one of its tiers on a real vLLM server."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path

import httpx

from agent import vllm
from agent.config import EngineConfig
from tests.environment import ROOT
from tests.waiting import eventually

MODEL = ROOT / "var" / "models" / "smollm2-135m-instruct"
PYTHON = str(ROOT / ".venv-engine" / "bin" / "python")
DRAWN = """
import sys, torch
from pathlib import Path
from inference.training.merge import export
from inference.training.network import Reasoner
torch.set_num_threads(1)
network = Reasoner(Path(sys.argv[1]), seed=1)
drawn = torch.Generator().manual_seed(1)
state = {
    name: value + 0.02 * torch.randn(value.shape, generator=drawn)
    for name, value in network.trained_state().items()
}
export(state, Path(sys.argv[2]))
"""
"""An adapter drawn from a seed: far enough from the base model that each of its parts changes the tokens."""


def engine_python(*arguments: str, given: str | None = None) -> str:
    """What a program of the engine environment prints; fails with what it says where it fails."""
    run = subprocess.run(
        [PYTHON, *arguments], cwd=ROOT, input=given, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def merged_model(directory: Path) -> Path:
    """Draw an adapter and merge it with the demo's model in `directory`."""
    adapter, merged = directory / "adapter.safetensors", directory / "reasoner"
    engine_python("-c", DRAWN, str(MODEL), str(adapter))
    merge = ("-m", "inference.training.merge", "--model", str(MODEL), "--adapter", str(adapter))
    engine_python(*merge, "--out", str(merged))
    return merged


@contextmanager
def served(model: Path, name: str, *extra: str) -> Iterator[str]:
    """vLLM on the CPU with `model` in float32, one request at a time, until the end; yields its address."""
    config = EngineConfig(
        python=PYTHON, model_path=str(model), max_model_len=512, extra_args=["--dtype", "float32", *extra]
    )
    port = vllm.free_port()
    log = model.parent / "vllm.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            vllm.command(config, model=name, slots=1, port=port),
            cwd=ROOT,
            env=vllm.environment(config, environ),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        url = f"http://{vllm.HOST}:{port}"
        try:
            eventually(lambda: is_healthy(url, server, log), within_s=400)
            yield url
        finally:
            server.terminate()
            server.wait(60)


def is_healthy(url: str, server: "subprocess.Popen[bytes]", log: Path) -> bool:
    """Whether the server answers; fails with its log where it has ended."""
    assert server.poll() is None, log.read_text()[-3000:]
    try:
        return httpx.get(f"{url}/health", timeout=5).is_success
    except httpx.TransportError:
        return False
