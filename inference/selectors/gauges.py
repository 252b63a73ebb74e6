"""What `/metrics` says of jobs and providers."""

from typing import Final

from django.conf import settings

from core.gauges import Gauge
from inference.routing.breaker import FAULTS, REST_S

GAUGES: Final = (
    Gauge(
        "cux_jobs_open",
        "Unfinished jobs by state.",
        "SELECT state, count(*) FROM inference_job WHERE ended_at IS NULL GROUP BY state",
        "state",
    ),
    Gauge(
        "cux_providers_up",
        "Enrolled providers that gave a sign of life lately, by trust tier.",
        """SELECT trust_tier,
            count(*) FILTER (WHERE last_heartbeat_at > now() - make_interval(secs => %(dark_s)s))
        FROM inference_provider WHERE enrolled_at IS NOT NULL GROUP BY trust_tier""",
        "trust_tier",
        {"dark_s": settings.PROVIDER_DARK_S},
    ),
    Gauge(
        "cux_provider_circuits",
        "Enrolled providers by the state of their circuit breaker.",
        """SELECT CASE WHEN faults < %(faults)s THEN 'closed'
                WHEN last_fault_at > now() - make_interval(secs => %(rest_s)s) OR EXISTS (
                    SELECT FROM inference_lease l
                    WHERE l.id = canary AND l.state IN ('granted', 'claimed', 'streaming')
                ) THEN 'open'
                ELSE 'half_open' END,
            count(*) FROM inference_provider WHERE enrolled_at IS NOT NULL GROUP BY 1""",
        "state",
        {"faults": FAULTS, "rest_s": REST_S},
    ),
    Gauge(
        "cux_receipts",
        "Receipts chained so far, by provider.",
        "SELECT name, receipt_sequence FROM inference_provider WHERE enrolled_at IS NOT NULL",
        "provider",
    ),
)
