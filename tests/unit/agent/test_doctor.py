"""`doctor`: what is wrong with a host is found, and the fix is named."""

import asyncio
import json
import socket
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent import doctor, doctor_engine, doctor_host
from agent.config import Config, EngineConfig
from agent.findings import Finding
from agent.gpus import Gpu, GpusUnknownError, read_gpus
from agent.model_files import ManifestError, damaged_files
from agent.state import Enrolment, State
from cux.wire.agent import EnrolResponse
from tests.http_server import Exchange as Call
from tests.http_server import serve
from tests.unit.agent.test_state import ENROLMENT

NOW = 1_800_000_000.0


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    """The findings by what was looked at."""
    return {one.subject: one for one in findings}


def test_a_host_without_anything_is_told_what_to_do_about_each(tmp_path: Path) -> None:
    config = Config(state=str(tmp_path / "s"), engine=(EngineConfig(python="/nowhere", model_path=""),))
    found = by_subject(asyncio.run(doctor.examine(config)))
    assert found["state directory"].verdict == "ok"
    assert found["enrolment"].fix == "cux-agent enrol --exchange URL --token TOKEN"
    assert found["exchange"].fix.startswith("give --exchange")
    assert "/nowhere does not run" in found["engine"].found
    assert found["model"].fix == "set engine.model_path"
    assert all(one.fix for one in found.values() if one.verdict != "ok")


@pytest.mark.parametrize(
    ("skew_s", "verdict"), [(0, "ok"), (-4, "warning"), (4, "warning"), (60, "problem"), (-60, "problem")]
)
def test_exchange_relay_and_engine_are_reached_and_the_clocks_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skew_s: int, verdict: str
) -> None:
    asked: list[str] = []

    async def answer(call: Call) -> None:
        asked.append(call.path)
        await call.answer(200, {}, headers={"Date": formatdate(NOW - skew_s, usegmt=True)})

    async def main() -> dict[str, Finding]:
        async with serve(answer) as url:
            response = EnrolResponse(
                provider_id="prv_1",
                api_key="secret-secret-secret",
                exchange_public_key="0" * 64,
                heartbeat_s=10,
                models=["m"],
                relay_url=f"{url}/relay",
            )
            State(tmp_path).write_enrolment(Enrolment(exchange=url, response=response))
            engine = EngineConfig(url=f"{url}/engine")
            return by_subject(await doctor.examine(Config(state=str(tmp_path), engine=(engine,))))

    monkeypatch.setattr("time.time", lambda: NOW)
    found = asyncio.run(main())
    assert asked == ["/healthz", "/relay", "/engine/health"]
    assert found["clock"].verdict == verdict
    assert {one.verdict for name, one in found.items() if name not in ("clock", "disk")} == {"ok"}


def test_what_is_not_reached_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        State(tmp_path).write_enrolment(ENROLMENT)
        config = Config(exchange=url, state=str(tmp_path), engine=(EngineConfig(url=url),))
        found = by_subject(asyncio.run(doctor.examine(config)))
    assert (found["exchange"].verdict, found["engine"].verdict) == ("problem", "problem")
    assert found["relay"].verdict == "warning"
    assert url in found["exchange"].found


def test_an_open_state_directory_and_a_damaged_key_are_problems(tmp_path: Path) -> None:
    state = State(tmp_path / "s")
    state.signing_key()
    state.directory.chmod(0o755)
    found = doctor_host.state_directory(state)
    assert (found.verdict, found.fix) == ("problem", f"chmod 700 {state.directory}")
    state.directory.chmod(0o700)
    (state.directory / "signing-key").write_text("x")
    assert doctor_host.state_directory(state).fix.startswith("restore the key")


@pytest.mark.parametrize(("free_mib", "verdict"), [(100, "problem"), (1_000, "warning"), (5_000, "ok")])
def test_room_for_answers_that_wait(monkeypatch: pytest.MonkeyPatch, free_mib: int, verdict: str) -> None:
    usage = SimpleNamespace(free=free_mib * 2**20)
    monkeypatch.setattr("shutil.disk_usage", lambda _where: usage)
    assert doctor_host.disk(Path("/")).verdict == verdict


def test_memory_is_of_what_can_be_had_without_swapping() -> None:
    assert doctor_host.memory_available_mib("MemTotal: 9 kB\nMemAvailable:   4194304 kB\n") == 4_096
    assert doctor_host.memory_available_mib("") == 0
    assert doctor_engine.cpu_memory(4_096, 270, 512).verdict == "ok"
    assert doctor_engine.cpu_memory(2_000, 270, 512).verdict == "problem"


def gpu(index: int, *, used_mib: int = 0) -> Gpu:
    """A GPU of 80 GiB."""
    return Gpu(
        index=index,
        name="H100",
        memory_mib=81_920,
        memory_used_mib=used_mib,
        busy_percent=0,
        power_mw=0,
        energy_mj=0,
    )


def test_the_gpus_of_an_engine_exist_and_hold_its_share_of_the_weights() -> None:
    two = EngineConfig(device="cuda", gpus=(0, 1))
    found = by_subject(doctor_engine.gpu_findings(two, [gpu(0), gpu(1)], 140_000))
    assert (found["driver"].found, found["memory"].verdict) == ("0: H100, 1: H100", "ok")
    one = EngineConfig(device="cuda", gpus=(0,))
    assert by_subject(doctor_engine.gpu_findings(one, [gpu(0)], 140_000))["memory"].verdict == "problem"
    full = by_subject(doctor_engine.gpu_findings(two, [gpu(0), gpu(1, used_mib=60_000)], 140_000))
    assert full["memory"].verdict == "problem"
    (missing,) = doctor_engine.gpu_findings(two, [gpu(0)], 1)
    assert (missing.verdict, missing.fix) == ("problem", "correct engine.gpus")


def test_a_host_without_nvml_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> Any:
        raise ImportError

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(GpusUnknownError, match=r"pip install 'cux-agent\[gpu\]'"):
        read_gpus()


def test_model_files_are_compared_with_their_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        damaged_files(tmp_path)
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    files = {name: {"size": 3, "sha256": digest} for name in ("a", "b", "c")}
    (tmp_path / "cux-model.json").write_text(json.dumps({"files": files}))
    (tmp_path / "a").write_text("abc")
    (tmp_path / "b").write_text("abd")
    assert damaged_files(tmp_path) == ["b", "c"]
    config = EngineConfig(python="/nowhere", model_path=str(tmp_path))
    (tmp_path / "config.json").touch()
    found = by_subject(doctor_engine.examine_engine(config, several=False))
    assert (found["model"].verdict, found["model"].fix) == ("problem", "fetch these files again")
    named = doctor_engine.examine_engine(config, several=True)
    assert {one.subject for one in named} >= {f"engine ({tmp_path})", f"model ({tmp_path})"}
