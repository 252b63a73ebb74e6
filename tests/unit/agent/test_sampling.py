"""What a lease asks of the engine."""

from typing import Any

from agent.sampling import sampling_of
from cux.wire.agent import Lease


def lease(**asked: Any) -> Lease:
    return Lease(
        lease_id="l",
        job_id="j",
        epoch=1,
        model="m",
        model_revision="r",
        card_hash="0" * 64,
        prompt_token_ids=[1],
        max_tokens=1,
        temperature_milli=700,
        top_p_ppm=900_000,
        seed=5,
        stop=["\n"],
        relay_url="http://relay",
        relay_token="t" * 16,
        deadline="2026-01-01T00:00:00Z",
        **asked,
    )


PLAIN = {"temperature": 0.7, "top_p": 0.9, "seed": 5, "stop": ["\n"]}


def test_a_plain_lease_asks_for_nothing_special():
    assert sampling_of(lease()) == PLAIN


def test_penalties_and_biases_are_passed_on():
    asked = lease(
        frequency_penalty_milli=500,
        presence_penalty_milli=-1_250,
        logit_bias_milli={"7": -100_000},
    )
    assert sampling_of(asked) == PLAIN | {
        "frequency_penalty": 0.5,
        "presence_penalty": -1.25,
        "logit_bias": {"7": -100.0},
    }


def test_a_schema_or_any_json_is_left_to_the_engines_grammar():
    assert sampling_of(lease(json_schema="{}", json_object=True))["structured_outputs"] == {"json": "{}"}
    assert sampling_of(lease(json_object=True))["structured_outputs"] == {"json_object": True}


def test_likelihoods_are_asked_for_where_the_lease_does():
    assert sampling_of(lease(logprobs=True)) == PLAIN | {"logprobs": 0}
    assert sampling_of(lease(logprobs=True, top_logprobs=20)) == PLAIN | {"logprobs": 20}
