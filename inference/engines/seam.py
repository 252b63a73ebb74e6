"""Where another provider can take an answer up, so that its engine ends it as the first one's would have.

An engine looks for stop sequences, and for the end of the text, only in what it generates itself. So the
tokens that may belong to the beginning of a stop sequence, and those that ended the answer, are left out:
they are generated again. Nobody has seen their text, since the gateway holds it back.
"""

from collections.abc import Sequence

from inference.engines.tokenizer import Detokenizer, ModelTokenizer, StopText


def seam(tokenizer: ModelTokenizer, ids: Sequence[int], *, stops: Sequence[str], max_tokens: int) -> int:
    """Return how many of the answer's first token ids another provider is to continue from.

    At least one of `max_tokens` is left to it: only an engine can tell how an answer ended.
    """
    at = min(len(ids), max_tokens - 1)
    while at and ids[at - 1] in tokenizer.special_ids:
        at -= 1
    return _before_stop(tokenizer, ids[:at], stops) if any(stops) else at


def _before_stop(tokenizer: ModelTokenizer, ids: Sequence[int], stops: Sequence[str]) -> int:
    """Return the last position at which all text was out and none of it could begin a stop sequence."""
    detokenizer, text = Detokenizer(tokenizer), StopText(stops)
    clean = 0
    for position, token in enumerate(ids, 1):
        text.add(detokenizer.add([token]))
        if not (text.is_holding or text.stopped or detokenizer.is_holding):
            clean = position
    return clean
