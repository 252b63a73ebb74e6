"""Tokens on their way to the caller: the relay alone, and what CUX adds to an engine.

    python -m benchmarks.gateway [--streams 200] [--tokens 300] [--requests 100] [--only relay|engine]

`relay` is the relay's process alone, with a fast fake engine and 200 streams, beside `vllm-router` of the
Python package index (`.venv-bench`) with the same engine: tokens a second on one core, and how late a token
is at 8,000 a second. `ttft_added` is the time to the first token of a short streamed chat through the whole
stack less that of the same request straight to the same vLLM, one caller, engine idle; `ttft_to` tells where
it goes. `throughput` is 32 callers through CUX beside 32 straight to vLLM, both with the same requests: short
prompts, and answers of up to 128 tokens as `vllm bench serve` asks for by default. The engine part starts the
demo's processes with one provider, whose agent starts vLLM (`.venv-engine`), on free ports under `var/bench`.
"""

import argparse
import os
from pathlib import Path

from benchmarks import fresh_servers

VAR = Path(__file__).resolve().parent.parent / "var" / "bench"
os.environ["CUX_VAR"] = str(VAR)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
os.environ["CUX_REQUEST_LIMIT"] = "100000"  # all callers come from one address

ANSWER_TOKENS = 128
"""The default of `vllm bench serve --random-output-len`."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--only", choices=("relay", "engine"))
    arguments = parser.parse_args()
    if arguments.only != "engine":
        _relay(arguments.streams, arguments.tokens)
    if arguments.only != "relay":
        from benchmarks.gateway_engine import measure_added

        measure_added(VAR / "gateway", requests=arguments.requests, tokens=ANSWER_TOKENS)


def _relay(streams: int, tokens: int) -> None:
    from benchmarks import gateway_relay

    with gateway_relay.on_core(1), fresh_servers(VAR):
        from benchmarks.stack import free_port
        from config.processes import Place

        place = Place(VAR, free_port(), free_port())
        gateway_relay.measure(place, streams=streams, tokens=tokens)


if __name__ == "__main__":
    main()
