"""What a measurement must satisfy to be believed; agent and exchange ask the same."""

import msgspec
import pytest

from cux.wire.agent import Measurement
from cux.wire.gate import OUTPUT_TOKENS, PROMPT_TOKENS, implausible, least_weight_bytes
from cux.wire.metering import usage
from tests.integration.agent_world import CARD

JOB = usage(CARD, prompt_tokens=PROMPT_TOKENS, output_tokens=OUTPUT_TOKENS)
HONEST = Measurement(
    model="tiny",
    tokens_per_second=32_000,
    ucu_per_second=1_000 * JOB.compute_ucu,
    seconds=8,
    single_tokens_per_second=4_000,
    flops_per_second=1_000 * JOB.raw_flops,
    memory_mib=1,
)


def test_an_honest_measurement_is_believed() -> None:
    assert implausible(HONEST, CARD) == ""
    bare = msgspec.structs.replace(HONEST, flops_per_second=0, memory_mib=0, single_tokens_per_second=0)
    assert implausible(bare, CARD) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ucu_per_second": 1_100 * JOB.compute_ucu}, "do not go with 32000 tokens/s"),
        ({"flops_per_second": 400 * JOB.raw_flops}, "FLOP/s of inference on a device"),
    ],
)
def test_more_compute_than_tokens_or_device_allow_is_not(changes: dict[str, int], said: str) -> None:
    assert said in implausible(msgspec.structs.replace(HONEST, **changes), CARD)


def test_weights_need_memory() -> None:
    large = msgspec.structs.replace(CARD, hidden_size=4_096, intermediate_size=16_384, layers=32)
    assert least_weight_bytes(large) > 2**30
    honest = msgspec.structs.replace(HONEST, tokens_per_second=0, ucu_per_second=0)
    assert "do not hold the model's weights" in implausible(honest, large)
