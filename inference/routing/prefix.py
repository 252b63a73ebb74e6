"""What two prompts have in common at their beginning, told by hashes alone.

A prompt is cut into blocks of 32 tokens; each block's hash covers all before it, and is keyed, so that
nobody without the key learns from a hash what was asked, nor whether two organisations asked the same.
"""

import hashlib
import hmac
from array import array
from collections.abc import Sequence
from typing import Final

BLOCK_TOKENS: Final = 32


def block_hashes(key: bytes, prompt_token_ids: Sequence[int]) -> list[bytes]:
    """Return the hash of each whole block of the prompt: HMAC-SHA256 over the one before it and its ids."""
    hashes: list[bytes] = []
    before = b""
    for at in range(0, len(prompt_token_ids) - BLOCK_TOKENS + 1, BLOCK_TOKENS):
        tokens = array("Q", prompt_token_ids[at : at + BLOCK_TOKENS]).tobytes()
        before = hmac.new(key, before + tokens, hashlib.sha256).digest()
        hashes.append(before)
    return hashes


def cached_tokens(shared_blocks: int, prompt_tokens: int) -> int:
    """Return how many prompt tokens so many shared blocks save: whole blocks, and never the last token."""
    return min(shared_blocks, (prompt_tokens - 1) // BLOCK_TOKENS) * BLOCK_TOKENS
