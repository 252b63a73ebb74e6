"""Prometheus figures: requests by route and status, and the state of the market read at each scrape."""

from collections.abc import Iterator
from functools import cache
from typing import Final

from django.conf import settings
from django.db import connection
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.counters import COUNTERS

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REGISTRY = CollectorRegistry()
_REQUESTS = Counter(
    "cux_http_requests", "Requests answered.", ["method", "route", "status"], registry=_REGISTRY
)
_SECONDS = Histogram(
    "cux_http_request_seconds",
    "Time to the end of the answer.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
    registry=_REGISTRY,
)

_GAUGES: Final = {
    "cux_jobs_open": (
        "Unfinished jobs by state.",
        "state",
        "SELECT state, count(*) FROM inference_job WHERE ended_at IS NULL GROUP BY state",
    ),
    "cux_orders_open": (
        "Open orders by instrument.",
        "instrument",
        "SELECT i.symbol, count(*) FROM exchange_order o JOIN exchange_instrument i ON i.id = o.instrument_id"
        " WHERE o.status = 'open' GROUP BY i.symbol",
    ),
    "cux_trades": (
        "Trades so far by instrument.",
        "instrument",
        "SELECT i.symbol, coalesce((SELECT max(t.sequence) FROM exchange_trade t"
        " WHERE t.instrument_id = i.id), 0) FROM exchange_instrument i",
    ),
    "cux_outbox_unsent": (
        "Messages that wait to be sent, by topic.",
        "topic",
        "SELECT topic, count(*) FROM core_outboxmessage WHERE sent_at IS NULL GROUP BY topic",
    ),
    "cux_outbox_lag_seconds": (
        "Age of the oldest message that waits, by topic.",
        "topic",
        "SELECT topic, extract(epoch FROM now() - min(created_at)) FROM core_outboxmessage"
        " WHERE sent_at IS NULL GROUP BY topic",
    ),
    "cux_ledger_unsealed_seconds": (
        "Age of the oldest ledger entry that is in no seal yet.",
        "table",
        "SELECT 'billing_entry', coalesce(extract(epoch FROM now() - min(booked_at)), 0) FROM billing_entry"
        " WHERE xid >= (SELECT coalesce(max(to_xid), 0) FROM billing_seal)",
    ),
    "cux_providers_up": (
        "Enrolled providers that gave a sign of life lately, by trust tier.",
        "trust_tier",
        "SELECT trust_tier, count(*) FILTER (WHERE last_heartbeat_at > now() - make_interval(secs => %s))"
        " FROM inference_provider WHERE enrolled_at IS NOT NULL GROUP BY trust_tier",
    ),
    "cux_receipts": (
        "Receipts chained so far, by provider.",
        "provider",
        "SELECT name, receipt_sequence FROM inference_provider WHERE enrolled_at IS NOT NULL",
    ),
}


class _Market(Collector):
    """The gauges above, one query each, all of them on indexes."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read every gauge."""
        with connection.cursor() as cursor:
            for name, (text, label, query) in _GAUGES.items():
                gauge = GaugeMetricFamily(name, text, labels=[label])
                cursor.execute(query, [settings.PROVIDER_DARK_S] if "%s" in query else [])
                for value, figure in cursor.fetchall():
                    gauge.add_metric([value], float(figure))
                yield gauge


_MARKET = CollectorRegistry()
_MARKET.register(_Market())


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request. `route` is the pattern, never the address, so labels stay few."""
    requests, durations = _series(method if method in _METHODS else "other", route, status)
    requests.inc()
    durations.observe(seconds)


@cache
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return what counts these requests: finding it costs more than counting."""
    return _REQUESTS.labels(method, route, str(status)), _SECONDS.labels(method, route)


def render_metrics() -> bytes:
    """Return everything in Prometheus' text format; reads the database."""
    return b"".join(generate_latest(registry) for registry in (_REGISTRY, COUNTERS, _MARKET))
