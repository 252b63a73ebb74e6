"""What a lease asks of the engine, in the words of vLLM's completions."""

from typing import Any

from cux.wire.agent import Lease


def sampling_of(lease: Lease) -> dict[str, Any]:
    """Return vLLM's sampling parameters for the lease; what it does not ask for is left out."""
    asked: dict[str, Any] = {
        "temperature": lease.temperature_milli / 1_000,
        "top_p": lease.top_p_ppm / 1_000_000,
        "seed": lease.seed,
        "stop": lease.stop,
    }
    if lease.frequency_penalty_milli:
        asked["frequency_penalty"] = lease.frequency_penalty_milli / 1_000
    if lease.presence_penalty_milli:
        asked["presence_penalty"] = lease.presence_penalty_milli / 1_000
    if lease.logit_bias_milli:
        asked["logit_bias"] = {token: bias / 1_000 for token, bias in lease.logit_bias_milli.items()}
    if lease.json_schema:
        asked["structured_outputs"] = {"json": lease.json_schema}
    elif lease.json_object:
        asked["structured_outputs"] = {"json_object": True}
    if lease.logprobs:
        asked["logprobs"] = lease.top_logprobs
    return asked
