"""docker-compose.yml keeps to the compose specification and runs every part with a health check."""

import json
import os
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from agent import vllm

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
SECRETS = [
    line.partition("=")[0]
    for line in (ROOT / "deploy/env.example").read_text().splitlines()
    if line.startswith("CUX_")
]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load(TEXT)["services"]


def _resolved() -> str:
    """Return the file as compose reads it: merge keys applied (the specification knows none)."""
    document = yaml.safe_load(TEXT)
    return json.dumps({key: value for key, value in document.items() if not key.startswith("x-")})


def test_keeps_to_the_compose_specification() -> None:
    names = PyCompose.from_json(_resolved()).service_names()
    expected = {
        "postgres",
        "valkey",
        "migrate",
        "web",
        "relay",
        "sequencer",
        "worker",
        "beat",
        "stripe",
        "bots",
        "agent",
        "engine",
    }
    assert set(names) == expected


def test_a_mistyped_field_is_found() -> None:
    with pytest.raises(ValueError, match="healthchek"):
        PyCompose.from_json(_resolved().replace('"healthcheck"', '"healthchek"', 1))


def test_every_long_running_service_has_a_health_check_and_restarts(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if name != "migrate":
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_the_gpu_profile_runs_an_agent_on_the_official_engine(services: dict[str, Any]) -> None:
    assert services["engine"]["profiles"] == services["agent"]["profiles"] == ["gpu"]
    assert services["engine"]["image"].startswith("vllm/vllm-openai:")
    told = {word for option in services["engine"]["command"] for word in option.split("=")}
    assert set(vllm.as_arguments(vllm.ALWAYS | vllm.OF_DEVICE["cuda"])) <= told


def test_only_the_proxy_on_this_host_reaches_plain_http(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {
        "web": ["127.0.0.1:8000:8000"],
        "relay": ["127.0.0.1:8001:8001"],
        "stripe": ["127.0.0.1:8002:8002"],
    }


def test_the_database_is_not_healthy_before_its_roles_are_made(services: dict[str, Any]) -> None:
    probe = services["postgres"]["healthcheck"]["test"]
    assert probe[probe.index("--host") + 1] == "127.0.0.1"


@pytest.mark.parametrize("name", [".gitignore", ".dockerignore"])
def test_the_file_of_secrets_reaches_neither_repository_nor_image(name: str) -> None:
    patterns = (ROOT / name).read_text().split()
    assert any(fnmatch(".env", pattern) for pattern in patterns)


def test_no_secret_is_written_in_the_file() -> None:
    for name in (s for s in SECRETS if "PASSWORD" in s or s.endswith(("KEY", "SEED", "TOKEN"))):
        assert f"${{{name}:?" in TEXT, name


def _compose_plugin() -> bool:
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0


if _compose_plugin():

    def test_compose_itself_accepts_the_file() -> None:
        environment = os.environ | dict.fromkeys(SECRETS, "x")
        command = ["docker", "compose", "--profile", "gpu", "config", "--quiet"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)
