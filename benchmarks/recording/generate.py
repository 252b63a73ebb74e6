"""Answers as a provider would give them: seeded by the job, drawn with vLLM's kernel, honest or padded."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from vllm.platforms import current_platform

current_platform.import_kernels()

END_ID: Final = 2
FILLER: Final = (" very", " really", " indeed", ",", " and", " also", " quite", " then")


@dataclass(frozen=True)
class Request:
    """A job: its prompt's token ids, how to draw, and how many tokens at most."""

    prompt: list[int]
    temperature_milli: int
    top_p_ppm: int
    seed: int
    max_tokens: int


Meddle = Callable[[Request, int, int, random.Random], int]
"""What a cheat delivers in a step of a request in place of the token drawn."""


def honest(_request: Request, _step: int, token: int, _rng: random.Random) -> int:
    """Deliver what was drawn."""
    return token


def padding(filler: Sequence[int]) -> Meddle:
    """Insert filler in a fifth of all places; the seeds stay in step, as a careful cheat would keep them."""

    def meddle(_request: Request, step: int, token: int, rng: random.Random) -> int:
        return rng.choice(filler) if step % 5 == 4 else token

    return meddle


def padding_at_end(filler: Sequence[int]) -> Meddle:
    """Answer for four fifths of the tokens, then add filler."""

    def meddle(request: Request, step: int, token: int, rng: random.Random) -> int:
        return rng.choice(filler) if step >= request.max_tokens * 4 // 5 else token

    return meddle


@torch.inference_mode()  # type: ignore[untyped-decorator]
def answers(
    model: Any, requests: Sequence[Request], *, meddle: Meddle = honest, never_end: bool = False
) -> list[list[int]]:
    """Return the answers' token ids, all requests as one batch; an ended one holds its end as the last."""
    generators = [torch.Generator().manual_seed(request.seed) for request in requests]
    rngs = [random.Random(request.seed) for request in requests]
    width = max(len(request.prompt) for request in requests)
    ids = torch.tensor([[0] * (width - len(one.prompt)) + one.prompt for one in requests])
    mask = torch.tensor([[0] * (width - len(one.prompt)) + [1] * len(one.prompt) for one in requests])
    made: list[list[int]] = [[] for _ in requests]
    positions, cache, given = (mask.cumsum(1) - 1).clamp_min(0), None, ids
    for step in range(max(one.max_tokens for one in requests)):
        out = model(input_ids=given, attention_mask=mask, position_ids=positions, past_key_values=cache)
        cache = out.past_key_values
        tokens = _draw(out.logits[:, -1].float(), requests, generators, never_end)
        for row, request in enumerate(requests):
            if step < request.max_tokens and (never_end or END_ID not in made[row]):
                tokens[row] = meddle(request, step, int(tokens[row]), rngs[row])
                made[row].append(int(tokens[row]))
        given, mask = tokens[:, None], torch.cat([mask, torch.ones(len(requests), 1, dtype=mask.dtype)], 1)
        positions = positions[:, -1:] + 1
    return made


def _draw(
    logits: torch.Tensor,
    requests: Sequence[Request],
    generators: Sequence[torch.Generator],
    never_end: bool,
) -> torch.Tensor:
    seeds = torch.tensor([int(torch.randint(0, 2**31, (1,), generator=one)) for one in generators])
    if never_end:
        logits[:, END_ID] = -torch.inf
    greedy = logits.argmax(-1)
    temperatures = torch.tensor([max(1, one.temperature_milli) / 1_000 for one in requests])[:, None]
    scaled = _nucleus(logits / temperatures, torch.tensor([one.top_p_ppm / 1_000_000 for one in requests]))
    drawn = torch.ops._C.fused_gumbel_argmax(scaled.contiguous(), seeds)
    return torch.where(torch.tensor([one.temperature_milli == 0 for one in requests]), greedy, drawn)


def _nucleus(logits: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    for row in torch.nonzero(top_p < 1).flatten().tolist():
        ranked, order = logits[row].sort(descending=True)
        probabilities = ranked.softmax(-1)
        above = probabilities.cumsum(-1) - probabilities
        logits[row, order[above >= top_p[row]]] = -torch.inf
    return logits
