"""What a chat completion may ask for, and what is refused by name."""

import json
from dataclasses import asdict
from typing import Any

import msgspec
import pytest

from api.openai.parameters import parse_chat
from core.errors import Code, CuxError
from cux.wire.agent import Lease

HELLO = [{"role": "user", "content": "Hello"}]


def parse(**body: Any):
    return parse_chat(json.dumps({"model": "m", "messages": HELLO, **body}).encode())


def test_a_minimal_request_has_the_defaults_of_openai():
    asked = parse()
    assert (asked.temperature, asked.top_p, asked.sampling.stop, asked.stream) == (1.0, 1.0, [], False)
    assert asked.output_cap is None
    assert not asked.include_usage


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tools", [{"type": "function"}]),
        ("n", 2),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("response_format", {"type": "json_object"}),
        ("frequency_penalty", 0.5),
        ("logit_bias", {"5": 1}),
        ("audio", {"voice": "x"}),
        ("never_heard_of", 1),
        ("max_compute_units", 1),
    ],
)
def test_what_is_not_supported_is_refused_by_name(name, value):
    with pytest.raises(CuxError) as refused:
        parse(**{name: value})
    assert (refused.value.code, refused.value.param) == (Code.UNSUPPORTED_PARAMETER, name)


def test_a_request_may_say_by_metadata_what_it_is_for_and_nothing_else():
    assert parse().metadata.tag == ""
    assert parse(metadata={}).metadata.tag == ""
    assert parse(metadata={"tag": "nightly =1"}).metadata.tag == "nightly =1"
    for refused in ({"tag": "x" * 65}, {"tag": "a\nb"}, {"tag": 1}, {"other": "x"}):
        with pytest.raises(CuxError) as refusal:
            parse(metadata=refused)
        assert refusal.value.code is Code.INVALID_FIELD
        assert refusal.value.param.startswith("metadata")


def test_a_parameter_that_asks_for_nothing_special_is_accepted():
    asked = parse(
        n=1, logprobs=False, tools=[], response_format={"type": "text"}, presence_penalty=0, audio=None
    )
    assert asked.model == "m"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_compute_ucu": -1}, "max_compute_ucu"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": ""}, "stop"),
        ({"stop": [""]}, "stop[0]"),
        ({"stop": "a\0b"}, "stop"),
        ({"seed": -1}, "seed"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"stream_options": {"include_usages": True}}, "stream_options.include_usages"),
    ],
)
def test_a_bad_value_is_refused_with_its_field(body, param):
    with pytest.raises(CuxError) as refused:
        parse(**body)
    assert (refused.value.code, refused.value.param) == (Code.INVALID_FIELD, param)


def test_a_missing_model_is_named():
    with pytest.raises(CuxError) as refused:
        parse_chat(json.dumps({"messages": HELLO}).encode())
    assert refused.value.param == "model"


def test_a_number_beyond_64_bits_is_too_large():
    with pytest.raises(CuxError) as refused:
        parse(seed=2**63)
    assert (refused.value.code, refused.value.param) == (Code.NUMBER_TOO_LARGE, "seed")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"nonsense", b'{"a": NaN}'])
def test_what_is_not_json_is_malformed(body):
    with pytest.raises(CuxError) as refused:
        parse_chat(body)
    assert refused.value.code is Code.MALFORMED_JSON


def test_text_parts_are_joined_and_developer_is_system():
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    asked = parse(messages=[{"role": "developer", "content": parts}])
    assert asked.messages[0].for_template() == {"role": "system", "content": "Hello"}


def test_an_answer_of_ours_can_be_sent_back():
    answer = {"role": "assistant", "content": "Hi", "refusal": None, "tool_calls": None}
    asked = parse(messages=[*HELLO, answer, *HELLO])
    assert asked.messages[1].for_template() == {"role": "assistant", "content": "Hi"}


def test_an_image_is_refused():
    parts = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    with pytest.raises(CuxError) as refused:
        parse(messages=[{"role": "user", "content": parts}])
    assert (refused.value.code, refused.value.param) == (Code.UNSUPPORTED_PARAMETER, "messages[0].content")


def test_the_cap_has_two_names():
    assert parse(max_tokens=5).output_cap == 5
    assert parse(max_completion_tokens=6).output_cap == 6


@pytest.mark.parametrize(
    "asked",
    [
        {"temperature": 0, "top_p": 1e-9, "seed": 0, "stop": "a"},
        {"temperature": 2, "top_p": 1, "seed": 2**63 - 1, "stop": ["a"] * 4},
        {"temperature": 1e-9, "top_p": 0.9999999},
    ],
)
def test_what_is_accepted_can_be_said_in_a_lease(asked):
    """A lease that an agent cannot read would cost its provider, and those of the same claim."""
    drawn = asdict(parse(**asked).sampling)
    lease = Lease(
        lease_id="l",
        job_id="j",
        epoch=1,
        model="m",
        model_revision="r",
        card_hash="0" * 64,
        prompt_token_ids=[1],
        max_tokens=1,
        relay_url="http://relay",
        relay_token="t" * 16,
        deadline="2026-01-01T00:00:00Z",
        **drawn | {"seed": drawn["seed"] or 0},
    )
    assert msgspec.json.decode(msgspec.json.encode(lease), type=Lease) == lease
