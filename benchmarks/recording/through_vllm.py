"""Record honest answers of a real vLLM server, verified by the exchange's own client.

    .venv/bin/python -m benchmarks.recording.through_vllm ENGINE_PYTHON MODEL_DIRECTORY OUT RUN COUNT

Sixteen requests run at once, so that batches change from step to step, as they do at a provider. Writes
OUT/RUN/honest_vllm.json, as `benchmarks.recording.record` does.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx

from agent import vllm
from agent.config import EngineConfig
from benchmarks.recording.prompts import make_prompts
from inference.engines.tokenizer import load_tokenizer
from inference.verification.evidence import Draw, answer_evidence
from inference.verifier import VllmVerifier

MODEL: Final = "smollm2"
AT_ONCE: Final = 16
TOKENS: Final = 64
DRAWS: Final = ((0, 1_000_000), (700, 1_000_000), (1_000, 1_000_000), (1_000, 900_000))
SEEDS: Final = {"train": 5_000_000, "score": 6_000_000}


def main(python: str, directory: str, out: str, run: str, count: str) -> None:
    """Start vLLM, record, end it."""
    config = EngineConfig(python=python, model_path=directory, max_model_len=1_024, threads=2)
    port = vllm.free_port()
    command = vllm.command(config, model=MODEL, slots=AT_ONCE, port=port)
    environment = vllm.environment(config, os.environ)
    environment.pop("PYTHONPATH", None)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            url = f"http://{vllm.HOST}:{port}"
            _wait(url, server)
            jobs = _record(url, directory, run, int(count))
        finally:
            server.terminate()
    target = Path(out) / run / "honest_vllm.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(jobs))


def _record(url: str, directory: str, run: str, count: int) -> list[dict[str, Any]]:
    tokenizer, seed = load_tokenizer(directory), SEEDS[run]
    prompts = [tokenizer.chat_ids([{"role": "user", "content": text}]) for text in make_prompts(count, seed)]
    requests: list[dict[str, Any]] = [
        {
            "prompt": prompt,
            "temperature_milli": DRAWS[index % len(DRAWS)][0],
            "top_p_ppm": DRAWS[index % len(DRAWS)][1],
            "seed": seed + index,
        }
        for index, prompt in enumerate(prompts)
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda request: _answer(url, request), requests))
    verifier, found = VllmVerifier(url), []
    for request, answer in zip(requests, answers, strict=True):
        if len(answer) < TOKENS:
            continue
        positions = verifier.prefill(model=MODEL, prompt=request["prompt"], answer=answer)
        draw = Draw(
            request["temperature_milli"],
            request["top_p_ppm"],
            request["seed"],
            "vllm-cpu",
            tokenizer.end_ids,
        )
        rows = [
            [one.gap_milli or 0, (one.quantile_ppm or 0) // 1_000, int(one.hid_end)]
            for one in answer_evidence(positions, draw)
        ]
        found.append({"request": request, "answer": answer, "evidence": rows})
    return found


def _answer(url: str, request: dict[str, Any]) -> list[int]:
    body = {
        "model": MODEL,
        "prompt": request["prompt"],
        "max_tokens": TOKENS,
        "temperature": request["temperature_milli"] / 1_000,
        "top_p": request["top_p_ppm"] / 1_000_000,
        "seed": request["seed"],
        "return_token_ids": True,
    }
    answer = httpx.post(f"{url}/v1/completions", json=body, timeout=120, trust_env=False).raise_for_status()
    ids: list[int] = answer.json()["choices"][0]["token_ids"]
    return ids


def _wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    while server.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=2, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise RuntimeError("vLLM has ended")


if __name__ == "__main__":
    main(*sys.argv[1:])
