"""`pip install ./cux ./agent` into a fresh virtual environment gives a `cux-agent` that works there alone."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.environment import ROOT
from tests.integration.agent_world import World, world

SERVER = ("django", "celery", "torch", "vllm", "config", "core")


def installed(directory: Path) -> Path:
    """Install copies of the two packages as a provider would; return where the programs are."""
    source = directory / "source"
    for name in ("cux", "agent"):
        left_out = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
        shutil.copytree(ROOT / name, source / name, ignore=left_out)
    fresh = directory / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(fresh)], check=True)
    pip = [str(fresh / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "./cux", "./agent"], cwd=source, check=True, timeout=100)
    return fresh / "bin"


def test_a_fresh_environment_has_an_agent_that_checks_enrols_and_measures(tmp_path: Path) -> None:
    programs = installed(tmp_path)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    missing = f"import importlib.util as u; print([n for n in {SERVER!r} if u.find_spec(n)])"
    found = subprocess.run(
        [str(programs / "python"), "-c", missing],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
    )
    assert found.stdout == b"[]\n", "the agent ships without the server"

    async def agent(*words: str) -> tuple[int | None, str, str]:
        process = await asyncio.create_subprocess_exec(
            str(programs / "cux-agent"),
            *words,
            "--state",
            str(tmp_path / "state"),
            cwd=tmp_path,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        return process.returncode, output.decode(), errors.decode()

    async def steps(exchange: World) -> None:
        status, output, errors = await agent("doctor", "--json", "--exchange", exchange.url)
        assert (status, errors) == (1, "")
        assert {one["subject"] for one in json.loads(output) if one["verdict"] == "problem"} >= {
            "enrolment",
            "engine",
            "model",
        }
        token = ("--exchange", exchange.url, "--token", "single-use-token-1")
        status, output, errors = await agent("enrol", *token)
        assert status == 0, errors
        status, output, errors = await agent("bench", "--engine-url", exchange.url, "--seconds", "1")
        assert status == 0, errors
        assert exchange.measurements == [json.loads(output)]

    async def main() -> None:
        async with world() as exchange:
            await steps(exchange)

    asyncio.run(main())
