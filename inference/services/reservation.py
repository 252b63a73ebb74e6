"""What a job has set aside: choosing a provider and reserving its quote on the buyer's entitlements."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from billing.services.budget_reserve import budget_reserve
from core.errors import Code, CuxError
from core.money import PPM
from exchange.services.entitlement_release import entitlement_release
from exchange.services.entitlement_reserve import Part, ReservationPlan, entitlement_reserve
from inference.models import Job, Lease, ProviderModel, Reservation
from inference.routing import Preferences, Ranking, is_wanted, rank
from inference.routing.turns import next_turn
from inference.selectors.candidates import candidates
from inference.selectors.prefixes import cached_by_provider
from inference.selectors.shares import kept_cost_max_nano_usd, kept_ucu


@transaction.atomic
def reservation_place(*, job: Job, now: datetime, excluded: frozenset[uuid.UUID] = frozenset()) -> None:
    """This function will reserve the job's quote with one provider, and its cost in the budgets it counts in.

    The provider is chosen by `inference.routing` among those that owe the caller enough; those that let this
    job down before, and the organisations in `excluded`, are not. The job's row says who it is, why, when
    it is the job's turn there, and how much of its prompt that provider is not paid for again; the quote
    stays that of an uncached prompt. Of an answer that is continued, what is set aside for the providers
    before counts towards both.

    Raises:
        CuxError: INSUFFICIENT_ENTITLEMENT (also if those that owe enough are not wanted),
            ENTITLEMENT_EXPIRED, DRAW_LIMIT, DEPENDENCY_UNAVAILABLE (the provider that owes the compute is
            not ready), BUDGET_EXCEEDED; nothing moved.
    """
    choice = _Choice(job, excluded, now)
    plan = entitlement_reserve(
        organisation_id=job.payer_id,
        compute_class=job.model.compute_class_id,
        compute_ucu=job.quote_ucu - kept_ucu(job),
        job_id=job.id,
        now=now,
        order=choice,
        cheapest_first=job.background,
    )
    if not job.is_public_access:
        budget_reserve(
            organisation_id=job.organisation_id,
            api_key_id=job.api_key_id,
            job_id=job.id,
            amount_nano_usd=plan.cost_max_nano_usd + kept_cost_max_nano_usd(job),
            now=now,
            is_new=job._state.adding,
        )
    Reservation.objects.bulk_create(
        Reservation(
            id=part.hold_id,
            job=job,
            entitlement_id=part.entitlement_id,
            amount_ucu=part.amount_ucu,
            position=position,
        )
        for position, part in enumerate(plan.parts)
    )
    _queue(job, plan, choice)


class _Choice:
    """Orders the providers that owe enough, and remembers why."""

    def __init__(self, job: Job, excluded: frozenset[uuid.UUID], now: datetime) -> None:
        self._job, self._excluded, self._now = job, excluded, now
        self.ranking = Ranking((), ())
        self.cached = cached_by_provider(job, now=now)

    def __call__(self, prices: Mapping[uuid.UUID, int]) -> list[uuid.UUID]:
        """Return who may run the job, best first; the draw's entropy is the job's id and its attempt."""
        job = self._job
        failed = self._excluded | _failed_providers(job)
        found = candidates(
            model=job.model_id,
            prices=prices,
            failed=failed,
            cached_ppm=self._cached_ppm(),
            now=self._now,
            logprobs=bool(job.sampling.get("logprobs")),
        )
        preferences = Preferences.of(job.routing)
        if found and not any(is_wanted(each, preferences) for each in found):
            raise CuxError(
                Code.INSUFFICIENT_ENTITLEMENT, "No provider that your request lets run it owes you enough."
            )
        seed = hashlib.sha256(job.id.bytes + job.epoch.to_bytes(8, "big")).digest()
        self.ranking = rank(found, preferences, int.from_bytes(seed, "big"))
        return [uuid.UUID(place.candidate.key) for place in self.ranking.places]

    def _cached_ppm(self) -> dict[uuid.UUID, int]:
        return {each: PPM * tokens // self._job.prompt_tokens for each, tokens in self.cached.items()}


def _queue(job: Job, plan: ReservationPlan, choice: _Choice) -> None:
    """Note in the job's row who runs it and why, and its turn: behind those of its own organisation."""
    rows = ProviderModel.objects.select_related("provider")
    served = rows.get(provider__organisation_id=plan.provider_organisation_id, model_id=job.model_id)
    provider = served.provider
    behind = Job.objects.filter(
        organisation_id=job.organisation_id,
        provider=provider,
        model_id=job.model_id,
        background=job.background,
        ended_at__isnull=True,
    )
    last = behind.exclude(id=job.id).aggregate(last=Max("turn_finish"))["last"]
    turn = next_turn(
        clock=served.background_clock if job.background else served.turn_clock,
        last_finish=last or 0,
        compute_ucu=job.quote_ucu,
        price_nano_usd_per_cu=plan.price_nano_usd_per_cu,
        again=bool(job.epoch),
    )
    job.provider, job.turn_start, job.turn_finish = provider, turn.start, turn.finish
    # An answer that goes on elsewhere is one bill.
    if not job.epoch or not job.leases.filter(output_tokens__gt=0).exists():
        job.cached_tokens = choice.cached.get(provider.id, 0)
    job.route = {
        "chosen": provider.name,
        "candidates": choice.ranking.explanation(),
        "attempts": job.epoch + 1,
    }
    if not job._state.adding:  # a job that is being made is written once it is complete
        job.save(update_fields=["provider", "turn_start", "turn_finish", "cached_tokens", "route"])


def _failed_providers(job: Job) -> set[uuid.UUID]:
    if not job.epoch:
        return set()  # never leased
    leases = job.leases.filter(state__in=[Lease.State.FAILED, Lease.State.EXPIRED])
    return set(leases.values_list("provider__organisation_id", flat=True))


def reservation_parts(job: Job) -> tuple[Part, ...]:
    """Return the parts of the job's open reservation, in the order they are drawn."""
    rows = job.reservations.filter(active=True).order_by("position")
    return tuple(Part(row.entitlement_id, row.id, row.amount_ucu) for row in rows)


def reservation_release(*, parts: Sequence[Part], now: datetime) -> None:
    """This function will give these parts back to their entitlements. Inside a transaction."""
    entitlement_release(parts=parts, now=now)
    reservation_close(parts)


def reservation_close(parts: Sequence[Part]) -> None:
    """Mark parts as resolved: drawn, released or cancelled."""
    Reservation.objects.filter(id__in=[part.hold_id for part in parts]).update(active=False)
