"""Why an engine ended, in a line, from what it last wrote: the causes that owners of GPUs meet most."""

import re

CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"CUDA out of memory|torch\.OutOfMemoryError|less than desired GPU memory",
        "the GPU has too little memory",
        "lower gpu_memory_utilization_percent or max_model_len, or end what else is on the GPU",
    ),
    (
        r"No available memory for the cache|no memory for the KV cache|than the available KV cache",
        "the KV cache has too little memory",
        "lower max_model_len, or raise kv_cache_mib or gpu_memory_utilization_percent",
    ),
    (r"No module named '?vllm", "vLLM is not installed there", "set engine.python to a Python with vLLM"),
    (
        r"Found no NVIDIA driver|no NVIDIA GPU|CUDA driver version is insufficient|libcuda\.so",
        "the NVIDIA driver is missing or too old",
        "install a driver for this vLLM, or set device to cpu",
    ),
    (
        r"no kernel image is available|compute capability",
        "this GPU is too old for this vLLM",
        "use a vLLM that was built for it, or attach to llama.cpp",
    ),
    (r"Address already in use", "its port was taken meanwhile", "nothing: it starts again on another"),
    (
        r"SafetensorError|header too large|MetadataIncompleteBuffer",
        "the model's files are damaged",
        "cux-agent doctor names them; fetch them again",
    ),
    (r"unrecognized arguments: (?P<what>.*)", "vLLM does not know an option", "correct engine.extra_args"),
    (r"status 137\b", "it was killed, mostly for want of memory", "see dmesg; lower kv_cache_mib or slots"),
)


def explain(problem: str) -> str:
    """A problem with its cause and fix before it, where the cause is known."""
    for pattern, cause, fix in CAUSES:
        if re.search(pattern, problem):
            return f"{cause}: {fix}. {problem}"
    return problem
