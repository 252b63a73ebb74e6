"""The exchange was away: nobody's time ran out meanwhile."""

from datetime import datetime

from django.db.models import DateTimeField, F, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Greatest

from inference.models import Job, Lease


def deadlines_extend(*, away_since: datetime, now: datetime) -> None:
    """This function will put off the deadlines of open jobs and live leases by the time we were away.

    What was made in the outage gets what was left of it. A deadline that had passed before stays, and so does
    that of a job which was stopped. Inside a transaction.
    """
    jobs = Job.objects.filter(ended_at__isnull=True, canceled_at__isnull=True, deadline__gt=away_since)
    jobs.update(deadline=_later("created_at", away_since, now))
    # Whoever changes a lease holds its job, so the jobs come first here too.
    live = Lease.objects.filter(state__in=Lease.LIVE, job__canceled_at__isnull=True, deadline__gt=away_since)
    live.update(deadline=_later("granted_at", away_since, now))


def _later(begun: str, away_since: datetime, now: datetime) -> CombinedExpression:
    lost_from = Greatest(F(begun), Value(away_since, output_field=DateTimeField()))
    return F("deadline") + (Value(now, output_field=DateTimeField()) - lost_from)
