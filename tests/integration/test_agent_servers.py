"""Engines that are not vLLM: llama.cpp by its own interface, and servers that answer with text alone."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from agent.engine_client import EngineClient, EngineError
from agent.llama_cpp import LlamaCppClient
from agent.re_encode import ReEncoder
from agent.text_engine import TextEngineClient
from tests.http_server import Exchange as Call
from tests.http_server import serve

EOS = 2
SMILE = [240, 159, 152, 128]
"""The bytes of one character, which the fake's vocabulary spells with a token each."""


class Server:
    """Answers as these servers do: a script of events, and the requests that came."""

    def __init__(self, path: str, events: list[dict[str, Any]], *, encodes: dict[str, list[int]]) -> None:
        self.path, self.events, self.encodes = path, events, encodes
        self.asked: list[dict[str, Any]] = []

    async def handle(self, call: Call) -> None:
        """Answer a request."""
        if call.path in ("/health", "/v1/models"):
            await call.answer(200, {})
        elif call.path == "/tokenize":
            body = await call.json()
            await call.answer(200, {"tokens": self.encodes[body["content"]]})
        else:
            assert call.path == self.path
            self.asked.append(await call.json())
            await call.start(200, "text/event-stream")
            for event in self.events:
                await call.send(b"data: " + json.dumps(event).encode() + b"\n\n")
            await call.end()


def ask(
    server: Server, client: Callable[[str], EngineClient], **sampling: Any
) -> tuple[list[int], str | None]:
    """Run one completion against the fake; its ids, and how it ended."""

    async def main() -> tuple[list[int], str | None]:
        ids: list[int] = []
        reason = None
        async with serve(server.handle) as url:
            engine = client(url)
            try:
                assert await engine.is_healthy()
                async for chunk in engine.complete([1, 5, 6], **({"max_tokens": 9} | sampling)):
                    ids += chunk.ids
                    reason = chunk.finish_reason or reason
            finally:
                await engine.close()
        return ids, reason

    return asyncio.run(main())


def llama(url: str) -> EngineClient:
    """A client of a llama.cpp server."""
    return LlamaCppClient(url, model="m")


def events(*tokens: tuple[str, int, int], stop: str, predicted: int) -> list[dict[str, Any]]:
    """A llama.cpp stream: text, id and count so far of each event, then the last event."""
    partial = [
        {"content": text, "tokens": [token], "stop": False, "tokens_predicted": count}
        for text, token, count in tokens
    ]
    last = {"content": "", "tokens": [], "stop": True, "stop_type": stop, "tokens_predicted": predicted}
    return [*partial, last]


def test_llama_cpp_sends_every_sampled_id_the_one_that_ends_it_included() -> None:
    script = events((" Pa", 7, 1), ("ris", 8, 2), ("", EOS, 3), stop="eos", predicted=3)
    server = Server("/completion", script, encodes={})
    found = ask(server, llama, temperature=0.5, top_p=0.9, seed=2**40 + 3, stop=["x"], logit_bias={"7": -5.0})
    assert found == ([7, 8, EOS], "stop")
    (body,) = server.asked
    assert body == {
        "prompt": [1, 5, 6],
        "n_predict": 9,
        "stream": True,
        "return_tokens": True,
        "seed": (2**40 + 3) % (2**32 - 1),
        "top_k": 0,
        "min_p": 0.0,
        "typical_p": 1.0,
        "repeat_penalty": 1.0,
        "samplers": ["temperature", "top_p"],
        "cache_prompt": True,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["x"],
        "logit_bias": [[7, -5.0]],
    }


def test_ids_within_a_character_which_come_without_an_event_are_encoded_from_its_text() -> None:
    script = events(("a", 97, 1), ("😀", SMILE[-1], 5), ("b", 98, 6), stop="limit", predicted=6)
    server = Server("/completion", script, encodes={"😀": SMILE})
    assert ask(server, llama) == ([97, *SMILE, 98], "length")


def test_a_count_that_runs_ahead_by_speculation_adds_nothing() -> None:
    script = events(("a", 97, 2), ("b", 98, 2), stop="word", predicted=2)
    assert ask(Server("/completion", script, encodes={"a": [97]}), llama) == ([97, 98], "stop")


@pytest.mark.parametrize(
    ("script", "encodes", "said"),
    [
        (events(("a", 97, 1), stop="eos", predicted=2), {}, "1 token ids came of 2"),
        (events(("😀", 128, 4), stop="eos", predicted=4), {"😀": [5, 6]}, "3 token ids are missing"),
        (events(("a", 97, 1), stop="none", predicted=1), {}, "ended its answer with 'none'"),
        (events(("a", 97, 1), stop="eos", predicted=1)[:1], {}, "without a reason"),
        ([{"error": {"message": "too long"}}], {}, "too long"),
    ],
    ids=["short", "unknown", "reason", "cut", "error"],
)
def test_an_answer_whose_ids_do_not_add_up_is_failed(script: Any, encodes: Any, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        ask(Server("/completion", script, encodes=encodes), llama)


def test_what_llama_cpp_can_not_do_is_refused_and_not_ignored() -> None:
    server = Server("/completion", [], encodes={})
    with pytest.raises(EngineError, match="not asked for logprobs") as refused:
        ask(server, llama, logprobs=3)
    assert refused.value.code == "engine_failed", "another provider may be able to"
    assert server.asked == []


def tokenizer() -> Tokenizer:
    """A byte-level tokenizer with a few merges."""
    letters = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges = [("P", "a"), ("Pa", "r"), ("Ġ", "i"), ("Ġi", "s")]
    vocabulary = letters | {a + b: len(letters) + number for number, (a, b) in enumerate(merges)}
    found = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    return found


def text(url: str) -> EngineClient:
    """A client of a server that answers with text."""
    return TextEngineClient(url, model="m", tokenizer=tokenizer(), end_id=EOS)


def pieces(*parts: str, reason: str) -> list[dict[str, Any]]:
    """An OpenAI stream of completions."""
    said = [{"choices": [{"text": part, "finish_reason": None}]} for part in parts]
    return [*said, {"choices": [{"text": "", "finish_reason": reason}]}, {"choices": [], "usage": {}}]


@pytest.mark.parametrize(
    ("reason", "stop", "end"), [("stop", [], [EOS]), ("stop", ["x"], []), ("length", [], [])]
)
def test_the_text_of_other_servers_is_encoded_by_the_pinned_tokenizer(
    reason: str, stop: list[str], end: list[int]
) -> None:
    server = Server("/v1/completions", pieces("P", "ar", "is i", "s ", "big", reason=reason), encodes={})
    ids, found = ask(server, text, stop=stop)
    whole = tokenizer().encode("Paris is big", add_special_tokens=False).ids
    assert (ids, found) == (whole + end, reason)
    (body,) = server.asked
    assert (body["prompt"], body["max_tokens"], body["stop"]) == ([1, 5, 6], 9, stop)


def test_ids_are_given_out_only_once_no_more_text_can_change_them() -> None:
    encoder = ReEncoder(tokenizer())
    given = [encoder.feed(piece) for piece in ("P", "a", "r", " i", "s", " x")]
    vocabulary = tokenizer().get_vocab()
    assert given[:3] == [[], [], []]
    assert given[3] == [vocabulary["Par"]]
    assert given[4:] == [[], [vocabulary["Ġis"]]]
    assert encoder.finish() == [vocabulary["Ġ"], vocabulary["x"]]
