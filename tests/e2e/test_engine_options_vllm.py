"""The options of every platform, as `agent.vllm` writes them, are options that vLLM has.

vLLM's build for the CPU knows those for GPUs too: they are parsed here, and nothing is started with them.
"""

import json

import pytest

from agent import vllm
from agent.config import EngineConfig, Speculation
from tests.e2e.tier_lab import engine_python

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(300)]

PARSE = """
import json, sys
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = AsyncEngineArgs.add_cli_args(FlexibleArgumentParser())
for arguments in json.load(sys.stdin):
    print(json.dumps(vars(parser.parse_args(arguments)), default=str))
"""
DRAFT = Speculation(method="draft", draft_model_path="/models/small", tokens=5)
CONFIGS = {
    "cpu": EngineConfig(model_path="/models/m", kv_cache_mib=256, dtype="float32"),
    "one GPU": EngineConfig(model_path="/models/m", device="cuda", gpu_memory_utilization_percent=85),
    "four GPUs": EngineConfig(model_path="/models/m", device="cuda", gpus=(0, 1, 2, 3)),
    "a tier": EngineConfig(model_path="/models/m", device="cuda", layers=10),
    "ngram": EngineConfig(model_path="/models/m", device="cuda", speculation=Speculation(method="ngram")),
    "draft": EngineConfig(model_path="/models/m", device="cuda", speculation=DRAFT),
}


def test_vllm_takes_every_option_as_it_was_meant() -> None:
    meant = [vllm.options(config, slots=8) for config in CONFIGS.values()]
    told = [vllm.as_arguments(options) for options in meant]
    lines = engine_python("-c", PARSE, given=json.dumps(told)).splitlines()
    parsed = [json.loads(line) for line in lines[-len(told) :]]
    for name, options, found in zip(CONFIGS, meant, parsed, strict=True):
        assert {option: found[option] for option in options} == options, name
