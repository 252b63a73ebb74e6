"""Rows of likelihoods, and which tokens a text shows."""

from math import exp

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models

from inference.engines.tokenizer import Detokenizer, ModelTokenizer, StopText
from inference.engines.told import Piece, Shown, Told
from inference.likelihoods import Likelihood, likelihood_ppm, mean_micro_nats, read_rows, row_width, rows_of
from tests.unit.inference.test_tokenizer import byte_tokenizer

LISTED = [[(7, 1), (8, 2)], [(9, 3), (7, 4)]]


def test_rows_hold_each_token_s_own_and_the_likeliest():
    rows = rows_of([5, 6], [10, 20], LISTED, width=5)
    assert rows == [10, 7, 1, 8, 2, 20, 9, 3, 7, 4]
    assert list(read_rows([5, 6], rows, width=5)) == [
        Likelihood(5, 10, ((7, 1), (8, 2))),
        Likelihood(6, 20, ((9, 3), (7, 4))),
    ]
    assert rows_of([5, 6], [10, 20], [], width=1) == [10, 20]
    assert list(read_rows([5], [10], width=1)) == [Likelihood(5, 10)]
    assert list(read_rows([5, 6], [], width=0)) == []


@pytest.mark.parametrize(
    ("logprobs", "listed", "width"),
    [
        ([10], [], 1),
        ([10, 20, 30], [], 1),
        ([], [], 1),
        ([10, 20], [], 5),
        ([10, 20], LISTED[:1], 5),
        ([10, 20], LISTED, 3),
        ([10, 20], LISTED, 1),
        ([10, 20], [LISTED[0], LISTED[1][:1]], 5),
    ],
    ids=["few", "many", "none", "unlisted", "one", "wide", "unasked", "uneven"],
)
def test_rows_that_are_not_one_for_each_token_are_refused(logprobs, listed, width):
    with pytest.raises(ValueError, match=r"tokens|argument"):
        rows_of([5, 6], logprobs, listed, width=width)


def test_a_row_is_as_wide_as_was_asked():
    assert row_width({}) == 0
    assert row_width({"logprobs": False, "top_logprobs": 3}) == 0
    assert [row_width({"logprobs": True, "top_logprobs": top}) for top in (0, 20)] == [1, 41]


def test_the_likelihood_of_some_tokens_is_their_geometric_mean():
    told = [Likelihood(token, micro) for token, micro in ((1, 100_000), (2, 300_000), (3, 200_001))]
    assert mean_micro_nats(told) == 200_000
    assert mean_micro_nats([]) is None
    assert likelihood_ppm(told) == round(10**6 * exp(-0.2))
    assert likelihood_ppm([Likelihood(1, 0)]) == 10**6
    assert likelihood_ppm([]) == 0


def shown(tokenizer: ModelTokenizer, ids: list[int], *stops: str, after: int = 0) -> list[Told]:
    """Return the tokens that are shown of an answer, as the gateway does it."""
    detokenizer, stop, tokens = Detokenizer(tokenizer), StopText(stops), Shown(tokenizer, after=after)
    found = []
    for token in ids:
        text = detokenizer.add([token])
        tokens.spelt(Likelihood(token, 1_000_000), len(text))
        found += tokens.seen(len(stop.add(text)))
    return found + tokens.seen(len(stop.add(detokenizer.flush()) + stop.flush()))


def test_a_token_is_shown_with_the_text_that_it_begins(tmp_path):
    tokenizer = byte_tokenizer(tmp_path)
    ids = tokenizer.text_ids("hé")
    found = shown(tokenizer, [*ids, 257])
    assert [(each.piece.token, each.offset) for each in found] == [(b"h", 0), (b"\xc3", 1), (b"\xa9", 1)]
    assert found[0].piece == Piece(b"h", -1.0)


@pytest.mark.parametrize(
    ("text", "kept"), [("ab STOP c", "ab "), ("ab STO", "ab STO"), ("STOP", ""), ("SSTOP", "S")]
)
def test_tokens_of_a_stop_sequence_and_after_it_are_not_shown(tmp_path, text, kept):
    tokenizer = byte_tokenizer(tmp_path)
    found = shown(tokenizer, tokenizer.text_ids(text), "STOP")
    assert b"".join(each.piece.token for each in found).decode() == kept


def test_tokens_that_were_shown_before_are_not_again(tmp_path):
    tokenizer = byte_tokenizer(tmp_path)
    found = shown(tokenizer, tokenizer.text_ids("hello"), after=3)
    assert [each.piece.token for each in found] == [b"l", b"o"]


def test_a_token_is_the_bytes_that_its_vocabulary_means(tmp_path):
    tokenizer = byte_tokenizer(tmp_path)
    assert b"".join(tokenizer.piece(token) for token in tokenizer.text_ids(" né\n")) == " né\n".encode()
    assert [tokenizer.piece(each) for each in (257, 99_999)] == [b"</s>", b""]
    other = Tokenizer(models.BPE(vocab={"▁the": 0, "<0x0A>": 1, "é": 2}, merges=[]))
    other.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    other.add_special_tokens([AddedToken("<s>", special=True)])
    spelt = ModelTokenizer(other, tokenizer.template, {})
    assert [spelt.piece(each) for each in range(4)] == [b" the", b"\n", "é".encode(), b"<s>"]
