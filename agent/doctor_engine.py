"""What `doctor` looks at for each engine: its program, its model, and the memory that both need."""

import subprocess
from pathlib import Path

import httpx

from agent import vllm
from agent.config import EngineConfig
from agent.doctor_host import memory_available_mib
from agent.findings import Finding, ok, problem, warning
from agent.gpus import Gpu, GpusUnknownError, read_gpus
from agent.model_files import ManifestError, damaged_files, weight_bytes

MIB = 2**20
PROGRAM_MIB = 1_536
"""What torch and vLLM take beside weights and cache, on the CPU."""
VERSIONS = """
from importlib.metadata import packages_distributions, version
found = packages_distributions()
print(*(version(found[name][0]) for name in ("vllm", "torch")))
"""


def examine_engine(settings: EngineConfig, several: bool) -> list[Finding]:
    """Look at one engine; where there are several, each finding names it."""
    if settings.url:
        findings = [_attached(settings)]
    else:
        findings = [_environment(settings), _model(settings), _port(), *_memory(settings)]
    if not several:
        return findings
    name = settings.name or settings.model or settings.url or settings.model_path
    return [
        Finding(subject=f"{one.subject} ({name})", verdict=one.verdict, found=one.found, fix=one.fix)
        for one in findings
    ]


def _attached(settings: EngineConfig) -> Finding:
    url = settings.url.rstrip("/")
    path = "/v1/models" if settings.api == "openai" else "/health"
    try:
        answer = httpx.get(url + path, timeout=5.0, trust_env=False)
    except httpx.HTTPError as error:
        return problem(
            "engine", f"nothing answers at {url}: {error}", "start the server, or correct its address"
        )
    if not answer.is_success:
        return problem("engine", f"{url} answered {answer.status_code}", "wait until its model is loaded")
    return ok("engine", f"{url} is up")


def _environment(settings: EngineConfig) -> Finding:
    try:
        done = subprocess.run(
            [settings.python, "-c", VERSIONS], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return problem(
            "engine", f"{settings.python} does not run: {error}", "set engine.python to a Python with vLLM"
        )
    if done.returncode:
        fix = "install both there: requirements-engine-gpu.txt, or the lock file for the CPU"
        return problem("engine", f"{settings.python} has no vLLM, or no torch", fix)
    versions = done.stdout.split()
    return ok("engine", f"vLLM {versions[0]}, torch {versions[1]} in {settings.python}")


def _model(settings: EngineConfig) -> Finding:
    directory = Path(settings.model_path)
    if not settings.model_path or not (directory / "config.json").exists():
        return problem("model", f"none in {settings.model_path or '(not set)'}", "set engine.model_path")
    try:
        damaged = damaged_files(directory)
    except ManifestError:
        return warning(
            "model",
            f"{directory} has no manifest",
            "its revision can not be checked: prepare it from its source",
        )
    if damaged:
        return problem("model", f"{directory}: {', '.join(damaged)} differ", "fetch these files again")
    return ok("model", f"{directory}, every file as its manifest says")


def _port() -> Finding:
    try:
        return ok(
            "ports", f"none is opened to the network; the engine gets one here, such as {vllm.free_port()}"
        )
    except OSError as error:
        return problem("ports", f"no free port on {vllm.HOST}: {error}", "end what holds them: ss -ltnp")


def _memory(settings: EngineConfig) -> list[Finding]:
    weights_mib = -(-weight_bytes(Path(settings.model_path or ".")) // MIB)
    if settings.device == "cpu":
        available = memory_available_mib(Path("/proc/meminfo").read_text())
        return [cpu_memory(available, weights_mib, settings.kv_cache_mib)]
    try:
        return gpu_findings(settings, read_gpus(), weights_mib)
    except GpusUnknownError as error:
        if Path("/proc/driver/nvidia/version").exists():
            return [warning("driver", f"an NVIDIA driver, but {error}", "without NVML nothing is metered")]
        return [problem("driver", "no NVIDIA driver", 'install one, or set device = "cpu"')]


def cpu_memory(available_mib: int, weights_mib: int, cache_mib: int) -> Finding:
    """Whether program, weights and KV cache fit into what is available."""
    needed = PROGRAM_MIB + weights_mib + cache_mib
    found = f"{available_mib:,} MiB available, about {needed:,} needed"
    fix = "end other programs, or set kv_cache_mib lower"
    return ok("memory", found) if available_mib >= needed else problem("memory", found, fix)


def gpu_findings(settings: EngineConfig, gpus: list[Gpu], weights_mib: int) -> list[Finding]:
    """Whether the GPUs that the engine was given exist, and hold its share of the weights."""
    by_index = {gpu.index: gpu for gpu in gpus}
    wanted = settings.gpus or tuple(by_index)
    missing = [str(index) for index in wanted if index not in by_index]
    if missing or not wanted:
        return [problem("driver", f"{len(gpus)} GPUs, without {', '.join(missing)}", "correct engine.gpus")]
    own = [by_index[index] for index in wanted]
    findings = [ok("driver", ", ".join(f"{gpu.index}: {gpu.name}" for gpu in own))]
    share = -(-weights_mib // settings.tensor_parallel_size)
    least = min(gpu.memory_mib - gpu.memory_used_mib for gpu in own)
    usable = least * settings.gpu_memory_utilization_percent // 100
    found = f"{least:,} MiB free on the fullest GPU, {share:,} of them for weights"
    if share >= usable:
        fix = "give it more GPUs (gpus, tensor_parallel), or a smaller model"
        return [*findings, problem("memory", found, fix)]
    return [*findings, ok("memory", found)]
