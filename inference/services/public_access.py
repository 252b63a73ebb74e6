"""The public-access pool pays for small jobs of organisations without money.

A share of all fees fills its wallet (`exchange.services.public_access_fund`). It buys at market in its own
name, so what a job leaves is there for the next one, and what comes back comes back to it: nobody can turn
the pool's compute into money of his own.
"""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Sum, When

from accounts.selectors.house import PUBLIC_ACCESS_ID
from billing.ledger.chart import Kind, of_organisation
from billing.selectors.balances import organisation_balance, posted
from core.errors import Code, CuxError
from exchange.locks import holder_lock
from inference.models import Job, Provider
from inference.routing import Preferences
from inference.services.job_buy import Purchase, job_buy
from inference.services.job_quote import Quote

_EMPTY: Final = frozenset({Code.INSUFFICIENT_BALANCE, Code.BOUGHT_IN_PART})


def is_free_tier(organisation_id: uuid.UUID) -> bool:
    """Tell whether the pool pays for an organisation: one that has no money, owes none, and sells nothing."""
    if not settings.PUBLIC_ACCESS_DAY_UCU or organisation_id == PUBLIC_ACCESS_ID:
        return False
    money = organisation_balance(organisation_id)
    owed = posted(of_organisation(Kind.DISPUTE_DEBT, organisation_id))
    if owed or any((money.funding, money.transit, money.wallet_posted, money.earnings, money.hold_back)):
        return False
    return not Provider.objects.filter(organisation_id=organisation_id).exists()


def allowance_require(*, organisation_id: uuid.UUID, more_ucu: int, now: datetime) -> None:
    """Pass if `more_ucu` are within the allowance with what the pool paid for, or set aside for, today (UTC).

    Inside a transaction, whose lock lets no two jobs be counted at once.

    Raises:
        CuxError: PUBLIC_ACCESS_LIMIT, with when the next day begins.
    """
    holder_lock(holder_id=PUBLIC_ACCESS_ID)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    counted = Case(When(ended_at__isnull=True, then=F("quote_ucu")), default=F("compute_ucu"))
    today = Job.objects.filter(
        organisation_id=organisation_id, created_at__gte=day, is_public_access=True
    ).aggregate(ucu=Sum(counted))
    used_ucu = today["ucu"] or 0
    if used_ucu + more_ucu > settings.PUBLIC_ACCESS_DAY_UCU:
        raise CuxError(
            Code.PUBLIC_ACCESS_LIMIT,
            f"Without money of your own {settings.PUBLIC_ACCESS_DAY_UCU} µCU a day are free. Of today's "
            f"{used_ucu} are used or set aside, and this may take {more_ucu}. Ask for less, wait for the "
            "next day (UTC), or add money.",
            retry_after_s=int((day + timedelta(days=1) - now).total_seconds()) + 1,
        )


def public_access_buy(
    *,
    quote: Quote,
    jobs: int,
    preferences: Preferences,
    name: str,
    now: datetime,
    logprobs: bool = False,
) -> Purchase:
    """This function will have the pool buy for `jobs` jobs of this quote, as `job_buy`, at the usual price.

    The caller's own highest price does not count: it is not his money.

    Raises:
        CuxError: PUBLIC_ACCESS_LIMIT; PUBLIC_ACCESS_EMPTY, the pool holds too little, or nobody offers as
            much; as `job_buy`.
    """
    with transaction.atomic():  # before anything is bought for nothing
        more_ucu = jobs * quote.quote_ucu
        allowance_require(organisation_id=quote.organisation_id, more_ucu=more_ucu, now=now)
    bought = None
    try:
        bought = job_buy(
            quote=replace(quote, organisation_id=PUBLIC_ACCESS_ID),
            jobs=jobs,
            preferences=msgspec.structs.replace(preferences, max_price_nano_usd_per_cu=None),
            name=name,
            caller=None,
            now=now,
            logprobs=logprobs,
        )
    except CuxError as refusal:
        if refusal.code not in _EMPTY:
            raise
    if bought is None:
        raise CuxError(Code.PUBLIC_ACCESS_EMPTY)
    return bought
