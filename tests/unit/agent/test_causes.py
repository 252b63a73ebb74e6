"""Why an engine ended is said in a line that fits into a heartbeat, with what to do."""

import pytest

from agent.causes import CAUSES, explain


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "the GPU has too little"),
        ("ValueError: No available memory for the cache blocks.", "the KV cache has too little memory"),
        ("/usr/bin/python: No module named vllm", "vLLM is not installed there"),
        ("RuntimeError: Found no NVIDIA driver on your system", "the NVIDIA driver is missing"),
        ("safetensors_rust.SafetensorError: Error while deserializing header", "files are damaged"),
        ("api_server.py: error: unrecognized arguments: --fast", "vLLM does not know an option"),
        ("vLLM ended with status 137; its last lines:", "it was killed"),
    ],
)
def test_a_known_cause_comes_first_with_its_fix(said: str, cause: str) -> None:
    explained = explain(said)
    assert cause in explained[:60]
    assert explained.endswith(said)
    assert any(fix in explained for _, _, fix in CAUSES)


def test_what_is_not_known_is_said_as_it_is() -> None:
    assert explain("it just stopped") == "it just stopped"
