"""Log-probabilities as the official client reads them, whole and streamed."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from inference.models import Job
from tests.integration.api.conftest import relay_process, web_process
from tests.integration.api.scripted import ScriptedProvider
from tests.integration.inference.scene import Scene, make_scene

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def urls(servers: None) -> Iterator[tuple[str, str]]:
    """Run a relay and a web process that reads from it; return the addresses of web and relay."""
    with relay_process() as relay_url, web_process(CUX_RELAY_URL=relay_url) as web_url:
        yield web_url, relay_url


@pytest.fixture
def scene(db: None, tmp_path: Path) -> Scene:
    """Return a model, a provider for it and a buyer with 10,000 µCU there."""
    return make_scene(tmp_path)


@pytest.fixture
def client(urls: tuple[str, str], scene: Scene, key_of) -> Iterator[openai.OpenAI]:
    """Return the official client of the buyer."""
    secret = key_of(scene.buyer).secret
    with openai.OpenAI(base_url=f"{urls[0]}/v1", api_key=secret, max_retries=0, timeout=30) as made:
        yield made


@pytest.fixture
def saying(scene: Scene, urls: tuple[str, str]):
    """Return what has a provider answer with these texts, one line each."""

    def say(*texts: str) -> None:
        provider = ScriptedProvider(scene, urls[1])
        for text in (*texts, None):
            provider.say.put(text)
        provider.serve()

    return say


def logprobs(scene: Scene, text: str) -> list[float]:
    """Return how likely the provider says each token of the text was."""
    return [-token / 100 for token in scene.text_ids(text)]


def test_a_chat_has_an_entry_for_each_token(client, scene, saying):
    saying("H", "é", "!")
    answer = client.chat.completions.create(
        model=scene.model.name, messages=HELLO, max_tokens=20, logprobs=True, top_logprobs=2
    )
    (choice,) = answer.choices
    assert choice.message.content == "Hé!"
    content = choice.logprobs.content
    assert [each.token for each in content] == ["H", "\\xc3", "\\xa9", "!"]
    assert bytes(byte for each in content for byte in each.bytes).decode() == "Hé!"
    assert [each.logprob for each in content] == logprobs(scene, "Hé!")
    assert [(top.token, top.logprob, top.bytes) for top in content[0].top_logprobs] == [
        ("!", 0.0, [33]),
        ('"', -0.01, [34]),
    ]
    assert choice.logprobs.refusal is None


def test_a_stream_has_them_with_the_text_they_belong_to(client, scene, saying):
    saying("H", "é", "!")
    stream = client.chat.completions.create(
        model=scene.model.name, messages=HELLO, max_tokens=20, logprobs=True, stream=True
    )
    text, told = "", []
    for chunk in stream:
        (choice,) = chunk.choices
        content = choice.logprobs.content if choice.logprobs else []
        assert bytes(byte for each in content for byte in each.bytes).decode() == (choice.delta.content or "")
        text += choice.delta.content or ""
        told += content
    assert text == "Hé!"
    assert [each.logprob for each in told] == logprobs(scene, "Hé!")
    assert [each.top_logprobs for each in told] == [[]] * 4


def test_what_a_stop_sequence_cuts_off_has_none(client, scene, saying):
    saying("ab END")
    answer = client.chat.completions.create(
        model=scene.model.name, messages=HELLO, max_tokens=20, logprobs=True, stop="END"
    )
    assert answer.choices[0].message.content == "ab "
    assert [each.token for each in answer.choices[0].logprobs.content] == ["a", "b", " "]


def test_who_does_not_ask_gets_none(client, scene, saying):
    saying("Hi")
    answer = client.chat.completions.create(model=scene.model.name, messages=HELLO, max_tokens=20)
    assert answer.choices[0].logprobs is None
    assert Job.objects.get(organisation=scene.buyer).sampling["logprobs"] is False


@pytest.mark.parametrize(("count", "top"), [(0, None), (1, {"a": -0.64, "!": 0.0})])
def test_a_plain_completion_has_the_older_shape(client, scene, saying, count, top):
    saying("ab")
    answer = client.completions.create(model=scene.model.name, prompt="x", max_tokens=20, logprobs=count)
    found = answer.choices[0].logprobs
    assert (found.tokens, found.text_offset) == (["a", "b"], [0, 1])
    assert found.token_logprobs == logprobs(scene, "ab")
    assert (found.top_logprobs[0] if top else found.top_logprobs) == top


def test_a_streamed_completion_counts_offsets_on(client, scene, saying):
    saying("ab", "cd")
    stream = client.completions.create(
        model=scene.model.name, prompt="x", max_tokens=20, logprobs=0, stream=True
    )
    found = [choice.logprobs for chunk in stream for choice in chunk.choices if choice.logprobs]
    assert [token for each in found for token in each.tokens] == list("abcd")
    assert [offset for each in found for offset in each.text_offset] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("asked", "code", "param"),
    [
        ({"logprobs": True, "top_logprobs": 21}, "invalid_field", "top_logprobs"),
        ({"logprobs": True, "top_logprobs": -1}, "invalid_field", "top_logprobs"),
        ({"logprobs": 3}, "invalid_field", "logprobs"),
        ({"top_logprobs": 1}, "invalid_field", "top_logprobs"),
        (
            {"logprobs": True, "tools": [{"type": "function", "function": {"name": "f"}}]},
            "unsupported_parameter",
            "logprobs",
        ),
    ],
    ids=["many", "negative", "number", "alone", "tools"],
)
def test_what_can_not_be_had_is_refused_and_makes_no_job(client, scene, asked, code, param):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=scene.model.name, messages=HELLO, max_tokens=20, **asked)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert not Job.objects.filter(organisation=scene.buyer).exists()


def test_a_completion_has_five_likeliest_at_most(client, scene):
    with pytest.raises(openai.BadRequestError) as refused:
        client.completions.create(model=scene.model.name, prompt="x", logprobs=6)
    assert (refused.value.code, refused.value.param) == ("invalid_field", "logprobs")
