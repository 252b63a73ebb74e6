"""What a question put to a ladder comes to: which rung first, what that probably uses, and what all may."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings

from core.errors import Code, CuxError
from inference.compute import quote_ucu
from inference.gate.ladder import GatedLadder, Step, find_ladder
from inference.gate.network import Guess
from inference.models import CatalogueModel, ProviderModel
from inference.routing.plan import Ask, Rung
from inference.routing.tranches import Plan, plan
from inference.selectors.candidates import is_ready
from inference.selectors.catalogue import card_of, model_get
from inference.selectors.compute_price import Price, compute_price
from inference.services.job_quote import Quote, job_quote


@dataclass(frozen=True, slots=True)
class AdaptiveAsk:
    """What a caller wants of the answer: a chance of being right, or else what a right one is worth to him.

    `max_tokens` caps every tranche, `cap_ucu` all of them together.
    """

    value_nano_usd: int
    quality_ppm: int | None = None
    max_tokens: int | None = None
    cap_ucu: int | None = None


@dataclass(frozen=True, slots=True)
class AdaptiveQuote:
    """A plan with the quote of every rung in it, and what it was made from."""

    organisation_id: uuid.UUID
    model: str
    compute_class: str
    card_hash: str
    plan: Plan
    price: Price
    quotes: Mapping[str, Quote] = field(repr=False)
    steps: Mapping[str, Step] = field(repr=False)
    guesses: Mapping[str, Guess] = field(repr=False)
    familiar: bool = True

    @property
    def quote_ucu(self) -> int:
        """Return the most that all tranches use together."""
        return self.plan.quote_ucu

    @property
    def expected_ucu(self) -> int:
        """Return what is probably used: the first tranche, as its answer is nearly always kept."""
        return self.plan.first.expected_ucu


def has_ladder(model: str) -> bool:
    """Tell whether a model is asked adaptively where the caller wants it."""
    return find_ladder(settings.LADDERS_DIRECTORY, model) is not None


def adaptive_quote(
    *,
    organisation_id: uuid.UUID,
    model: str,
    messages: Sequence[Mapping[str, Any]],
    ask: AdaptiveAsk,
    now: datetime,
) -> AdaptiveQuote:
    """This function will ask the gate about the question, and plan how it is answered. Reads only.

    The question is the last turn of the user's. Rungs whose model nobody serves now are left out; so are
    those that the gate expects to be cut off by `max_tokens`, where others are not.

    Raises:
        CuxError: UNKNOWN_MODEL; UNSUPPORTED_PARAMETER, the model has no ladder; DEPENDENCY_UNAVAILABLE, no
            rung is served now; BUDGET_TOO_SMALL, the cap pays for none; as `job_quote`.
    """
    head = model_get(model)
    found = find_ladder(settings.LADDERS_DIRECTORY, model)
    if found is None:
        raise CuxError(
            Code.UNSUPPORTED_PARAMETER,
            f"{model} has no ladder: `quality`, `reasoning_effort` and `value_usd` are not for it.",
            param="model",
        )
    quotes = _quotes(found, head, organisation_id, messages, ask, now)
    if not quotes:
        raise CuxError(Code.DEPENDENCY_UNAVAILABLE, "No provider serves a rung of this model's ladder now.")
    question = _question(messages)
    guesses = found.gate.guess(question)
    uncut = {name for name, quote in quotes.items() if guesses[name].output_tokens <= quote.max_tokens}
    quotes = {name: quote for name, quote in quotes.items() if not uncut or name in uncut}
    price = compute_price(compute_class=head.compute_class_id, now=now)
    familiar = found.gate.familiar_ppm(question) >= found.ladder.familiar_ppm
    planned = plan(
        [_rung(quote, guesses[name], name) for name, quote in quotes.items()],
        Ask(
            value_nano_usd=ask.value_nano_usd,
            price_nano_usd_per_cu=price.nano_usd_per_cu,
            quality_ppm=ask.quality_ppm,
            cap_ucu=ask.cap_ucu,
        ),
        safe=None if familiar else found.ladder.safe,
    )
    if planned is None:
        raise CuxError(
            Code.BUDGET_TOO_SMALL, "The budget covers no rung of the ladder.", param="max_compute_ucu"
        )
    return AdaptiveQuote(
        organisation_id=organisation_id,
        model=head.name,
        compute_class=head.compute_class_id,
        card_hash=quotes[planned.first.name].card_hash,
        plan=planned,
        price=price,
        quotes=quotes,
        steps={each.name: each for each in found.ladder.rungs},
        guesses=guesses,
        familiar=familiar,
    )


def _question(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return what is asked: earlier turns and the system's are context, and do not make it harder."""
    asked = [each for each in messages if each.get("role") == "user"] or messages
    return str(asked[-1].get("content", ""))


def _quotes(
    found: GatedLadder,
    head: CatalogueModel,
    organisation_id: uuid.UUID,
    messages: Sequence[Mapping[str, Any]],
    ask: AdaptiveAsk,
    now: datetime,
) -> dict[str, Quote]:
    """Return the quote of each rung that is in the head's class and served now, in the ladder's order."""
    wanted = {each.model for each in found.ladder.rungs}
    listed = CatalogueModel.objects.in_bulk(list(wanted))
    served = _served(wanted, now)
    quotes: dict[str, Quote] = {}
    prompts: dict[tuple[str, str], tuple[int, ...]] = {}
    for step in found.ladder.rungs:
        model = listed.get(step.model)
        if model is None or model.compute_class_id != head.compute_class_id or step.model not in served:
            continue
        same = (model.directory, step.opening)
        if same not in prompts:
            once = job_quote(
                organisation_id=organisation_id,
                model=model.name,
                messages=messages,
                opening=step.opening,
                max_tokens=1,
            )
            prompts[same] = once.prompt_token_ids
        quotes[step.name] = _quote(organisation_id, model, step, prompts[same], ask)
    return quotes


def _quote(
    organisation_id: uuid.UUID, model: CatalogueModel, step: Step, prompt: tuple[int, ...], ask: AdaptiveAsk
) -> Quote:
    tokens = min(step.most_tokens, ask.max_tokens or step.most_tokens, model.context_tokens - len(prompt))
    return Quote(
        organisation_id=organisation_id,
        model=model.name,
        catalogued=model,
        compute_class=model.compute_class_id,
        card_hash=model.card_hash,
        prompt_token_ids=prompt,
        max_tokens=tokens,
        quote_ucu=quote_ucu(card_of(model), prompt_tokens=len(prompt), max_tokens=tokens),
    )


def _served(models: set[str], now: datetime) -> set[str]:
    """Return those of the models that somebody serves now and tells likelihoods of, the evidence."""
    rows = ProviderModel.objects.filter(model_id__in=models, logprobs=True).select_related("provider")
    return {row.model_id for row in rows if is_ready(row, now=now)}


def _rung(quote: Quote, guess: Guess, name: str) -> Rung:
    expected = quote_ucu(
        card_of(quote.catalogued),
        prompt_tokens=len(quote.prompt_token_ids),
        max_tokens=min(guess.output_tokens, quote.max_tokens),
    )
    return Rung(name=name, correct_ppm=guess.correct_ppm, expected_ucu=expected, quote_ucu=quote.quote_ucu)
