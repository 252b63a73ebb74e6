"""How vLLM is started, with and without a GPU."""

import json
import re

import pytest

from agent import vllm
from agent.config import ConfigError, EngineConfig, Speculation
from inference.engines.depth_tiers import hf_overrides
from tests.environment import ROOT

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


def test_a_tier_is_asked_for_as_its_plugin_says():
    config = EngineConfig(model_path="/models/m", layers=10, dtype="float32")
    assert vllm.options(config, slots=1)["hf_overrides"] == hf_overrides(10)
    arguments = vllm.command(config, model="m-10", slots=1, port=1)
    assert json.loads(option(arguments, "--hf-overrides")) == hf_overrides(10)
    assert option(arguments, "--dtype") == "float32"
    assert "--hf-overrides" not in vllm.command(CPU, model="m", slots=1, port=1)


def test_speculation_is_a_setting_of_the_engine():
    draft = Speculation(method="draft", draft_model_path="/models/small", tokens=5)
    arguments = vllm.command(EngineConfig(speculation=draft), model="m", slots=1, port=1)
    assert json.loads(option(arguments, "--speculative-config")) == {
        "method": "draft_model",
        "model": "/models/small",
        "num_speculative_tokens": 5,
    }
    assert vllm.options(EngineConfig(speculation=Speculation(method="ngram")), slots=1)[
        "speculative_config"
    ] == {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_min": 2, "prompt_lookup_max": 4}
    assert "--speculative-config" not in vllm.command(CPU, model="m", slots=1, port=1)


def test_every_platform_counts_flops_in_blocks_of_the_contract():
    for config in (EngineConfig(), EngineConfig(device="cuda")):
        found = vllm.options(config, slots=4)
        assert (found["block_size"], found["enable_mfu_metrics"]) == (32, True)


def test_no_other_module_writes_what_vllm_is_told():
    """Platforms differ in one place: options and environment variables are named as text nowhere else."""
    speculating = Speculation(method="ngram")
    configs = (CPU, EngineConfig(device="cuda", gpus=(0, 1), layers=10, speculation=speculating))
    options = {name for config in configs for name in vllm.options(config, slots=1)}
    variables = {name for config in configs for name in vllm.environment(config, {})} - {"HF_HUB_OFFLINE"}
    usual = {"model", "hf_overrides", "max_model_len"}  # words of models' own files, too
    words = {*variables, *(options - usual), *(name.replace("_", "-") for name in options - usual)}
    told = re.compile(rf"""["'](--)?({"|".join(sorted(words))})["'= ]""")
    found = {
        str(path.relative_to(ROOT))
        for folder in ("agent", "api", "benchmarks", "config", "core", "inference", "web")
        for path in (ROOT / folder).rglob("*.py")
        if told.search(path.read_text())
    }
    assert found == {"agent/vllm.py"}


def test_a_model_is_split_over_the_gpus_that_its_engine_was_given():
    config = EngineConfig(device="cuda", gpus=(2, 3))
    assert option(vllm.command(config, model="m", slots=1, port=1), "--tensor-parallel-size") == "2"
    assert vllm.environment(config, {})["CUDA_VISIBLE_DEVICES"] == "2,3"
    alone = EngineConfig(device="cuda")
    assert "--tensor-parallel-size" not in vllm.command(alone, model="m", slots=1, port=1)
    assert "CUDA_VISIBLE_DEVICES" not in vllm.environment(alone, {})


def test_what_is_missing_on_this_host_is_named_before_anything_starts(tmp_path):
    python = tmp_path / "python"
    with pytest.raises(ConfigError, match="engine Python"):
        vllm.check(EngineConfig(python=str(python), model_path=str(tmp_path)))
    python.touch()
    with pytest.raises(ConfigError, match="no model in"):
        vllm.check(EngineConfig(python=str(python), model_path=str(tmp_path)))
    (tmp_path / "config.json").touch()
    vllm.check(EngineConfig(python=str(python), model_path=str(tmp_path)))


def test_what_the_directory_states_of_its_model_is_read(tmp_path):
    config = EngineConfig(model_path=str(tmp_path))
    assert vllm.manifest(config) is None
    manifest = tmp_path / "cux-model.json"
    manifest.write_text(json.dumps({"model_id": "m", "revision": "sha256:1"}))
    assert vllm.manifest(config) == {"model_id": "m", "revision": "sha256:1"}
    assert vllm.manifest(EngineConfig(model_path=str(tmp_path), url="http://e")) is None
    manifest.write_text("[]")
    with pytest.raises(ConfigError, match=r"cux-model\.json"):
        vllm.manifest(config)


def test_an_engine_serves_all_layers_unless_it_is_told_how_many(tmp_path):
    assert vllm.layers(EngineConfig(model_path=str(tmp_path))) is None
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 30}')
    assert vllm.layers(EngineConfig(model_path=str(tmp_path))) == 30
    assert vllm.layers(EngineConfig(model_path=str(tmp_path), layers=10)) == 10
    assert vllm.layers(EngineConfig(model_path=str(tmp_path), url="http://e")) is None
