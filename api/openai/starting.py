"""A request becomes jobs, one for each choice, all of them or none; once per idempotency key."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from accounts.keys import KeyFacts
from api.openai.options import Options
from billing.services.budget_alert import alert_on_refusal
from core.clock import utc_now
from core.errors import Code, CuxError
from core.idempotency import once
from core.ids import new_id
from exchange.sequencer.protocol import Caller
from inference.models import Job
from inference.selectors.catalogue import model_get
from inference.selectors.progress import job_progress
from inference.selectors.provider_names import organisations_named
from inference.services.job_buy import job_buy, purchase_find, purchase_name
from inference.services.job_create import job_create
from inference.services.job_quote import Quote
from inference.services.public_access import is_free_tier, public_access_buy
from inference.services.sampling import Sampling

T = TypeVar("T")
_UNCOVERED: Final = frozenset({Code.INSUFFICIENT_ENTITLEMENT, Code.ENTITLEMENT_EXPIRED})


@dataclass(frozen=True, slots=True)
class Started:
    """The jobs behind an answer, one for each choice."""

    job_ids: tuple[uuid.UUID, ...]
    model: str
    card_hash: str
    quote_ucu: int
    """The most that all of them may use."""
    created: int
    """Seconds since 1970."""
    bought: dict[str, Any] | None = None
    """What was bought at market for it."""
    by_pool: bool = False
    """Whether the public-access pool pays."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request, whose it is, and what it comes to at most."""

    options: Options
    sampling: Sampling
    quote: Quote
    caller: KeyFacts
    key: str | None
    body: bytes
    unnamed: uuid.UUID = field(default_factory=new_id)
    part: int = 0
    """Which of several purchases for the request this is."""

    @property
    def body_sha256(self) -> bytes:
        """Return what tells a repetition from another request."""
        return hashlib.sha256(self.body).digest()

    @property
    def purchase(self) -> str:
        """Return the name of an order for this request; without an idempotency key nothing is repeated."""
        if self.key is None:
            return f"job-{self.unnamed.hex}"
        organisation_id = self.caller.organisation_id
        digest = self.body_sha256 + (b"%d" % self.part if self.part else b"")
        return purchase_name(organisation_id=organisation_id, key=self.key, body_sha256=digest)

    @property
    def may_buy(self) -> bool:
        """Tell whether compute may be bought for it. Raises CuxError MISSING_SCOPE."""
        if self.options.buy:
            self.caller.require("trade")
        return self.options.buy is not False and "trade" in self.caller.scopes


def start(asked: Asked) -> Started:
    """This function will create the request's jobs; a repeated request follows the same ones.

    Where no entitlement covers them, what they need is bought at market first, if the request may. For
    who has no money the public-access pool pays, within its daily allowance.

    Raises:
        CuxError: as `job_create` and `job_buy`; INVALID_FIELD, a provider or a token that is not there;
            MISSING_SCOPE, the key may not buy; ANSWER_NOT_KEPT.
    """
    made, again = covered(
        asked, lambda now, by_pool, has_bought: _once(asked, now, by_pool=by_pool, has_bought=has_bought)
    )
    job_ids = tuple(uuid.UUID(hex=each) for each in made["job_ids"])
    if again:
        for job_id in job_ids:
            _refuse_if_forgotten(job_id)
    quote_ucu = asked.quote.quote_ucu * len(job_ids)
    bought = made["bought"]
    by_pool = made.get("by_pool", False)
    return Started(job_ids, asked.quote.model, made["card_hash"], quote_ucu, made["created"], bought, by_pool)


def covered(asked: Asked, make: Callable[[datetime, bool, bool], T]) -> T:
    """Return what `make` makes (at which moment, whether the pool pays, whether something was bought for it).

    Where no entitlement covers it, the pool pays for who has no money; else what it needs is bought first.

    Raises:
        CuxError: as `start`.
    """
    refuse_unknown_names(asked.options, asked.quote)
    may_buy = asked.may_buy
    with alert_on_refusal():
        try:
            return make(utc_now(), False, False)
        except CuxError as refused:
            if refused.code not in _UNCOVERED:
                raise
            if is_free_tier(asked.caller.organisation_id):
                return _by_pool(asked, make)
            if may_buy:
                return make(_bought_at(asked, refused), False, True)
            raise


def _by_pool(asked: Asked, make: Callable[[datetime, bool, bool], T]) -> T:
    """Have the public-access pool pay: out of what it has left of compute, or else it buys what is needed.

    Raises:
        CuxError: PUBLIC_ACCESS_LIMIT, PUBLIC_ACCESS_EMPTY; as `job_create` and `job_buy`.
    """
    try:
        return make(utc_now(), True, False)
    except CuxError as refused:
        if refused.code not in _UNCOVERED:
            raise
    bought = public_access_buy(
        quote=asked.quote,
        jobs=asked.options.n,
        preferences=asked.options.preferences,
        name=asked.purchase,
        now=utc_now(),
        logprobs=asked.sampling.logprobs,
    )
    return make(max(utc_now(), bought.traded_at), True, False)


def _bought_at(asked: Asked, refused: CuxError) -> datetime:
    """Buy what the request needs, and return a moment at which it can be drawn.

    Raises:
        CuxError: `refused`, if nobody offers as much; or as `job_buy`.
    """
    key = asked.caller
    bought = job_buy(
        quote=asked.quote,
        jobs=asked.options.n,
        preferences=asked.options.preferences,
        name=asked.purchase,
        caller=Caller(key.key_id, key.order_limit, key.order_window_s),
        now=utc_now(),
        logprobs=asked.sampling.logprobs,
    )
    if bought is None:
        raise refused
    return max(utc_now(), bought.traded_at)


def _once(
    asked: Asked, now: datetime, *, by_pool: bool = False, has_bought: bool = False
) -> tuple[dict[str, Any], bool]:
    def create() -> dict[str, Any]:
        jobs = [_create(asked, choice, now, by_pool) for choice in range(asked.options.n)]
        return {
            "job_ids": [job.id.hex for job in jobs],
            "card_hash": asked.quote.card_hash,
            "created": int(now.timestamp()),
            "bought": bought_for(asked) if has_bought or asked.key is not None else None,
            "by_pool": by_pool,
        }

    return once(
        organisation_id=asked.caller.organisation_id,
        key=asked.key,
        body_sha256=asked.body_sha256,
        action=create,
    )


def bought_for(asked: Asked) -> dict[str, Any] | None:
    """Return what was bought for the request; one under a key may have bought when it was asked before."""
    bought = purchase_find(organisation_id=asked.caller.organisation_id, name=asked.purchase)
    if bought is None:
        return None
    return {
        "order_id": bought.order_id,
        "quantity_ucu": bought.quantity_ucu,
        "cost_nano_usd": bought.cost_nano_usd,
    }


def _create(asked: Asked, choice: int, now: datetime, by_pool: bool) -> Job:
    return job_create(
        quote=asked.quote,
        sampling=asked.sampling,
        now=now,
        api_key_id=asked.caller.key_id,
        tag=asked.options.metadata.tag,
        preferences=asked.options.preferences,
        choice=choice,
        may_wait=choice > 0,
        by_pool=by_pool,
        at_once=True,
    )


def refuse_unknown_names(options: Options, quote: Quote) -> None:
    """Refuse providers that there are not, and tokens that the model has not.

    Its engine would refuse the job, and its provider look bad.

    Raises:
        CuxError: INVALID_FIELD.
    """
    for name in ("order", "only", "ignore"):
        organisations_named(getattr(options.provider, name), param=f"provider.{name}")
    if options.logit_bias:
        vocabulary = int(model_get(quote.model).card["vocab_size"])
        if max(int(token) for token in options.logit_bias) >= vocabulary:
            raise CuxError(Code.INVALID_FIELD, f"Token ids are below {vocabulary}.", param="logit_bias")


def _refuse_if_forgotten(job_id: uuid.UUID) -> None:
    """Refuse to repeat an answer that was deleted at settlement, as the class's retention says."""
    progress = job_progress(job_id)
    if progress.state == Job.State.COMPLETED and len(progress.known_ids) < progress.output_tokens:
        raise CuxError(Code.ANSWER_NOT_KEPT)
