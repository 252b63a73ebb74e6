"""The gateway's tokenizer, on a byte-level tokenizer small enough to be built here."""

import json
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from inference.engines.tokenizer import Detokenizer, ModelTokenizer, PromptError, StopText, load_tokenizer

TEMPLATE = """\
{% for message in messages %}
    {% if message.role not in ['system', 'user', 'assistant'] %}
        {{ raise_exception('unknown role') }}
    {% endif %}
{{ bos_token + message.role + '\\n' + message.content + eos_token }}
{% endfor %}
{% if add_generation_prompt %}
{{ bos_token }}assistant
{% endif %}"""


def byte_tokenizer(directory: Path) -> ModelTokenizer:
    """One token a byte, and two special tokens."""
    alphabet = sorted(ByteLevel.alphabet())
    tokenizer = Tokenizer(BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.add_special_tokens([AddedToken("<s>", special=True), AddedToken("</s>", special=True)])
    tokenizer.save(str(directory / "tokenizer.json"))
    config = {"bos_token": {"content": "<s>"}, "eos_token": "</s>"}
    (directory / "tokenizer_config.json").write_text(json.dumps(config))
    (directory / "chat_template.jinja").write_text(TEMPLATE)
    return load_tokenizer(str(directory))


@pytest.fixture
def tokenizer(tmp_path: Path) -> ModelTokenizer:
    return byte_tokenizer(tmp_path)


def test_the_chat_template_is_rendered_with_special_tokens_as_single_ids(tokenizer: ModelTokenizer) -> None:
    ids = tokenizer.chat_ids([{"role": "user", "content": "hé"}])
    bos, eos = 256, 257
    assert ids[0] == bos
    assert ids.count(bos) == 2
    assert ids.count(eos) == 1
    assert tokenizer.decode(ids) == "user\nhé\nassistant\n"
    assert len(ids) == len(b"user\nh\xc3\xa9\nassistant\n") + 3


def test_messages_that_the_template_refuses_are_an_error(tokenizer: ModelTokenizer) -> None:
    with pytest.raises(PromptError, match="unknown role"):
        tokenizer.chat_ids([{"role": "pirate", "content": "arr"}])
    with pytest.raises(PromptError):
        tokenizer.chat_ids([{"role": "user", "content": None}])


def test_the_template_runs_in_a_sandbox(tmp_path: Path) -> None:
    byte_tokenizer(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (other / name).write_text((tmp_path / name).read_text())
    (other / "chat_template.jinja").write_text("{{ messages.__class__.__mro__ }}")
    with pytest.raises(PromptError):
        load_tokenizer(str(other)).chat_ids([{"role": "user", "content": "x"}])


def test_text_appears_only_when_all_bytes_of_a_character_are_there(tokenizer: ModelTokenizer) -> None:
    text = "aé€😀b"
    detokenizer = Detokenizer(tokenizer)
    shown = [detokenizer.add([token]) for token in tokenizer.text_ids(text)]
    assert "".join(shown) == text
    assert shown == ["a", "", "é", "", "", "€", "", "", "", "😀", "b"]
    assert detokenizer.flush() == ""


def test_bytes_that_never_become_a_character_are_shown_at_the_end(tokenizer: ModelTokenizer) -> None:
    detokenizer = Detokenizer(tokenizer)
    assert detokenizer.add(tokenizer.text_ids("x€")[:-1]) == ""
    assert detokenizer.flush() == "x\N{REPLACEMENT CHARACTER}"


def test_special_tokens_give_no_text(tokenizer: ModelTokenizer) -> None:
    detokenizer = Detokenizer(tokenizer)
    ids = tokenizer.text_ids("ok")
    assert [detokenizer.add([token]) for token in [*ids, 257]] == ["o", "k", ""]


@pytest.mark.parametrize(
    ("stops", "pieces", "shown"),
    [
        ([], ["a", "b"], ["a", "b", ""]),
        (["END"], ["xE", "N", "Dy"], ["x", "", "", ""]),
        (["END"], ["xE", "a", "EN"], ["x", "Ea", "", "EN"]),
        (["\n\n", "b"], ["a\n", "c\n", "\nd"], ["a", "\nc", "", ""]),
        (["bc", "b"], ["abcd"], ["a", ""]),
    ],
)
def test_text_ends_before_the_first_stop_sequence(
    stops: list[str], pieces: list[str], shown: list[str]
) -> None:
    stop_text = StopText(stops)
    assert [*(stop_text.add(piece) for piece in pieces), stop_text.flush()] == shown
