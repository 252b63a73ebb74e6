"""How vLLM is started, with and without a GPU."""

import json

import pytest

from agent import vllm
from agent.config import ConfigError, EngineConfig

CPU = EngineConfig(python="/v/python", model_path="/models/m", threads=1, kv_cache_mib=256)


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def test_a_cpu_server_runs_its_worker_in_the_engine_and_binds_no_core():
    arguments = vllm.command(CPU, model="tiny", slots=8, port=1234)
    assert arguments[:3] == ["/v/python", "-m", "vllm.entrypoints.openai.api_server"]
    assert option(arguments, "--model") == "/models/m"
    assert option(arguments, "--served-model-name") == "tiny"
    assert option(arguments, "--host") == "127.0.0.1"
    assert option(arguments, "--port") == "1234"
    assert option(arguments, "--max-num-seqs") == "8"
    assert option(arguments, "--block-size") == "32"
    assert option(arguments, "--kv-cache-memory-bytes") == str(256 * 2**20)
    assert option(arguments, "--distributed-executor-backend") == "uni"
    assert {"--enforce-eager", "--enable-mfu-metrics"} <= set(arguments)
    environment = vllm.environment(CPU, {"PATH": "/bin"})
    assert environment["PATH"] == "/bin"
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
    assert environment["OMP_NUM_THREADS"] == "1"


def test_a_gpu_server_gets_its_share_of_memory_and_the_operators_options():
    config = EngineConfig(
        device="cuda", gpu_memory_utilization_percent=85, extra_args=["--quantization", "fp8"]
    )
    arguments = vllm.command(config, model="tiny", slots=64, port=1)
    assert option(arguments, "--gpu-memory-utilization") == "0.85"
    assert arguments[-2:] == ["--quantization", "fp8"]
    assert "--enforce-eager" not in arguments
    assert "OMP_NUM_THREADS" not in vllm.environment(config, {})


def test_what_is_missing_on_this_host_is_named_before_anything_starts(tmp_path):
    python = tmp_path / "python"
    with pytest.raises(ConfigError, match="engine Python"):
        vllm.check(EngineConfig(python=str(python), model_path=str(tmp_path)))
    python.touch()
    with pytest.raises(ConfigError, match="no model in"):
        vllm.check(EngineConfig(python=str(python), model_path=str(tmp_path)))
    (tmp_path / "config.json").touch()
    vllm.check(EngineConfig(python=str(python), model_path=str(tmp_path)))


def test_the_revision_is_read_where_the_model_states_one(tmp_path):
    config = EngineConfig(model_path=str(tmp_path))
    assert vllm.model_revision(config) is None
    manifest = tmp_path / "cux-model.json"
    manifest.write_text(json.dumps({"revision": "sha256:1"}))
    assert vllm.model_revision(config) == "sha256:1"
    assert vllm.model_revision(EngineConfig(model_path=str(tmp_path), url="http://e")) is None
    manifest.write_text("[]")
    with pytest.raises(ConfigError, match=r"cux-model\.json"):
        vllm.model_revision(config)
