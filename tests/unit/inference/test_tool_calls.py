"""Calls of tools in a model's text."""

import json

import pytest

from inference.engines.tool_calls import Call, CallReader, call_schema, spelt_out, with_arguments

OSLO = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
CALL = Call("weather", '{"city": "Oslo"}')
TOOL = {"type": "function", "function": {"name": "weather", "description": "", "parameters": {}}}
ASKED = {"type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


def read(*texts: str, opened: bool = False) -> list[str | Call]:
    """Return what is read, with neighbouring text joined."""
    reader = CallReader(opened=opened)
    pieces = [piece for text in texts for piece in reader.add(text)]
    pieces += reader.flush()
    joined: list[str | Call] = []
    for piece in pieces:
        if joined and isinstance(piece, str) and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def test_text_without_calls_is_text():
    assert read("Hel", "lo") == ["Hello"]
    assert read() == []


def test_calls_are_taken_out_of_the_text():
    assert read("Let me see. ", OSLO, "\n", OSLO, "Done") == ["Let me see. ", CALL, "\n", CALL, "Done"]


def test_it_does_not_matter_where_the_text_was_cut():
    whole = "Look: " + OSLO + "!"
    for cut in range(1, len(whole)):
        assert read(whole[:cut], whole[cut:]) == ["Look: ", CALL, "!"]
    assert read(*whole) == ["Look: ", CALL, "!"]


def test_text_is_shown_as_soon_as_it_can_be_no_tag():
    reader = CallReader()
    assert list(reader.add("a <tool")) == ["a "]
    assert list(reader.add("box>")) == ["<toolbox>"]


@pytest.mark.parametrize(
    "inner",
    ["", "{", "[]", '{"name": "x"}', '{"name": 1, "arguments": {}}', '{"name": "x", "arguments": "{}"}', "5"],
)
def test_what_only_looks_like_a_call_is_text(inner):
    text = f"<tool_call>{inner}</tool_call>"
    assert read(text) == [text]


def test_a_call_whose_end_was_a_stop_sequence_is_a_call():
    assert read(OSLO.removesuffix("</tool_call>")) == [CALL]


def test_an_answer_that_was_made_to_begin_with_a_call_is_one():
    assert read('{"name": "weather", "arguments": {"city": "Oslo"}}', opened=True) == [CALL]
    assert read('{"name": "wea', opened=True) == ['{"name": "wea']


def test_a_template_without_tools_gets_them_spelt_out_as_they_are_read():
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Oslo?"},
        {"role": "assistant", "content": "", "tool_calls": [ASKED]},
        {"role": "tool", "content": "Rain"},
    ]
    spelt = spelt_out(turns, [TOOL])
    assert [turn["role"] for turn in spelt] == ["system", "user", "assistant", "user"]
    assert spelt[0]["content"].startswith("Be kind.\n\nYou may call functions.")
    assert json.dumps(TOOL["function"]) in spelt[0]["content"]
    assert read(spelt[2]["content"]) == [CALL]
    assert spelt[3]["content"] == "<tool_response>\nRain\n</tool_response>"
    assert turns[0]["content"] == "Be kind."


def test_without_a_system_turn_the_offer_makes_one():
    assert [turn["role"] for turn in spelt_out([{"role": "user", "content": "x"}], [TOOL])] == [
        "system",
        "user",
    ]
    assert spelt_out([{"role": "user", "content": "x"}], []) == [{"role": "user", "content": "x"}]


def test_a_template_with_tools_gets_arguments_as_values():
    (turn,) = with_arguments([{"role": "assistant", "content": "", "tool_calls": [ASKED]}])
    assert turn["tool_calls"][0]["function"] == {"name": "weather", "arguments": {"city": "Oslo"}}
    with pytest.raises(ValueError, match="Expecting"):
        with_arguments([{"role": "assistant", "tool_calls": [{"function": {"name": "x", "arguments": "{"}}]}])


def test_one_of_several_functions_may_be_called():
    schema = call_schema([("a", {"type": "object", "properties": {}}), ("b", {})])
    assert [each["properties"]["name"]["const"] for each in schema["anyOf"]] == ["a", "b"]
    assert schema["anyOf"][1]["properties"]["arguments"] == {"type": "object"}
