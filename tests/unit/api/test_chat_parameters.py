"""What a chat completion may ask for, and what is refused by name."""

import json
from typing import Any

import msgspec
import pytest

from api.openai.parameters import parse_chat, parse_completion
from core.errors import Code, CuxError
from cux.wire.agent import Lease
from inference.routing.preferences import Preferences
from inference.services.sampling import lease_sampling

HELLO = [{"role": "user", "content": "Hello"}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": CITY}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
FORCED = {"type": "function", "function": {"name": "weather"}}


def parse(**body: Any):
    return parse_chat(json.dumps({"model": "m", "messages": HELLO, **body}).encode())


def test_a_minimal_request_has_the_defaults_of_openai():
    asked = parse()
    assert (asked.temperature, asked.top_p, asked.sampling.stop, asked.stream) == (None, 1.0, [], False)
    assert asked.sampling.temperature_milli == 1_000
    assert asked.output_cap is None
    assert not asked.include_usage


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("functions", [{"name": "old"}]),
        ("audio", {"voice": "x"}),
        ("service_tier", "flex"),
        ("never_heard_of", 1),
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
    asked = parse(n=1, logprobs=False, tools=[], store=False, modalities=["text"], audio=None)
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
        ({"messages": [{"role": "critic", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": "x", "tool_calls": [CALL]}]}, "messages[0].tool_calls"),
        ({"n": 17}, "n"),
        ({"frequency_penalty": 2.5}, "frequency_penalty"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias[...]"),
        ({"provider": {"sort": "beauty"}}, "provider.sort"),
        ({"provider": {"max_price": "1e3"}}, "provider.max_price"),
        ({"provider": {"quantisations": []}}, "provider.quantisations"),
        ({"max_compute_units": -1}, "max_compute_units"),
        ({"tools": [{"type": "retrieval"}]}, "tools[0].type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "no"}}}, "tool_choice"),
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
        {"frequency_penalty": -2, "presence_penalty": 2, "logit_bias": {"0": -100, "9999999999": 100}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": CITY}}},
        {"tools": [TOOL], "tool_choice": "required"},
    ],
)
def test_what_is_accepted_can_be_said_in_a_lease(asked):
    """A lease that an agent cannot read would cost its provider, and those of the same claim."""
    stored = parse(**asked).sampling.stored(entropy=7, choice=1)
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
        **lease_sampling(stored),
    )
    assert msgspec.json.decode(msgspec.json.encode(lease), type=Lease) == lease


def test_a_cap_in_compute_units_is_micro_units_rounded_down():
    assert parse(max_compute_units=0.000465).budget_ucu == 465
    assert parse(max_compute_units="1.0000009").budget_ucu == 1_000_000
    assert parse(max_compute_ucu=7).budget_ucu == 7
    with pytest.raises(CuxError) as refused:
        parse(max_compute_units=1, max_compute_ucu=1).budget_ucu  # noqa: B018 - it raises
    assert (refused.value.code, refused.value.param) == (Code.INVALID_FIELD, "max_compute_units")


def test_preferences_are_kept_as_asked():
    asked = parse(
        provider={
            "order": ["a"],
            "only": ["a", "b"],
            "ignore": ["c"],
            "max_price": "20.5",
            "sort": "latency",
            "allow_fallbacks": False,
        }
    )
    assert asked.preferences == Preferences(
        order=("a",),
        only=("a", "b"),
        ignore=("c",),
        max_price_nano_usd_per_cu=20_500_000_000,
        sort="latency",
        allow_fallbacks=False,
    )
    assert parse().preferences == Preferences()


def test_a_forced_call_is_drawn_by_the_schema_of_what_may_be_called():
    asked = parse(tools=[TOOL], tool_choice=FORCED)
    assert (asked.opening, asked.sampling.is_resumable) == ("<tool_call>\n", False)
    assert json.loads(asked.sampling.json_schema) == {
        "type": "object",
        "properties": {"name": {"const": "weather"}, "arguments": CITY},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def test_tools_that_may_be_used_leave_the_answer_free():
    asked = parse(tools=[TOOL])
    assert (asked.opening, asked.sampling.json_schema, asked.sampling.is_resumable) == ("", "", False)
    assert parse(tools=[TOOL], parallel_tool_calls=False, stop="x").sampling.stop == ["x", "</tool_call>"]
    assert parse(tools=[TOOL], tool_choice="none").offered == []
    assert parse(tools=[TOOL], tool_choice="none").sampling.is_resumable


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"tools": [TOOL], "response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [TOOL], "tool_choice": "required", "stop": "x"}, "stop"),
    ],
)
def test_what_cannot_be_had_together_is_refused(asked, param):
    with pytest.raises(CuxError) as refused:
        parse(**asked)
    assert (refused.value.code, refused.value.param) == (Code.UNSUPPORTED_PARAMETER, param)


def test_a_schema_that_is_none_or_too_long_is_refused():
    for schema in ({"type": "colour"}, {"description": "x" * 40_000}):
        asked = parse(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
        with pytest.raises(CuxError) as refused:
            asked.sampling  # noqa: B018 - it raises
        assert (refused.value.code, refused.value.param) == (Code.INVALID_FIELD, "response_format")


def test_what_was_drawn_before_counts_with_penalties_and_grammars():
    assert parse().sampling.is_resumable
    assert parse(logit_bias={"1": 5}, n=3).sampling.is_resumable
    for asked in (
        {"presence_penalty": 1},
        {"frequency_penalty": 1},
        {"response_format": {"type": "json_object"}},
    ):
        assert not parse(**asked).sampling.is_resumable


def test_each_choice_has_a_seed_of_its_own():
    drawn = parse(seed=2**63 - 1).sampling
    assert drawn.stored(entropy=5, choice=0)["seed"] == 2**63 - 1
    assert drawn.stored(entropy=5, choice=1)["seed"] == 0
    assert parse().sampling.stored(entropy=5)["seed"] == 5


def test_a_plain_prompt_is_text_or_token_ids():
    def completion(**body: Any):
        return parse_completion(json.dumps({"model": "m", **body}).encode())

    assert (completion(prompt="a").text, completion(prompt=["a"]).text) == ("a", "a")
    assert (completion(prompt=[1, 2]).text, completion(prompt=[1, 2]).token_ids) == (None, [1, 2])
    assert completion(prompt="a").output_cap == 16
    assert completion(prompt="a", max_compute_ucu=100).output_cap is None
    for body in ({"prompt": ["a", "b"]}, {"prompt": "a", "echo": True}, {"prompt": "a", "best_of": 2}):
        with pytest.raises(CuxError) as refused:
            completion(**body)
        assert refused.value.code is Code.UNSUPPORTED_PARAMETER
