"""Prometheus figures: requests by route and status, what processes count, and the state of everything."""

import threading
import time
from collections.abc import Iterator
from functools import cache
from typing import Final

from django.db import connection
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from accounts.selectors.gauges import GAUGES as ACCOUNTS
from billing.selectors.gauges import GAUGES as BILLING
from core.counters import COUNTERS
from core.gauges import Gauge
from core.ids import earliest_id
from exchange.selectors.gauges import GAUGES as EXCHANGE
from inference.selectors.gauges import GAUGES as INFERENCE

_DAY_MS: Final = 86_400_000

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

_OUTBOX: Final = (
    Gauge(
        "cux_outbox_unsent",
        "Messages that wait to be sent, by topic.",
        "SELECT topic, count(*) FROM core_outboxmessage WHERE sent_at IS NULL GROUP BY topic",
        "topic",
    ),
    Gauge(
        "cux_outbox_lag_seconds",
        "Age of the oldest message that waits, by topic.",
        "SELECT topic, extract(epoch FROM now() - min(created_at)) FROM core_outboxmessage"
        " WHERE sent_at IS NULL GROUP BY topic",
        "topic",
    ),
    Gauge(
        "cux_outbox_attempts",
        "How often the message that waits was tried that was tried most, by topic.",
        "SELECT topic, max(attempts) FROM core_outboxmessage WHERE sent_at IS NULL GROUP BY topic",
        "topic",
    ),
)
GAUGES: Final = (*_OUTBOX, *ACCOUNTS, *BILLING, *EXCHANGE, *INFERENCE)
"""What is read from the database, one query each, all of them on indexes or of few rows."""
KEPT_S: Final = 5.0
"""So long what was read is shown again, however many ask."""


class _State(Collector):
    """The gauges above. Of many who ask at once one reads, and the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[GaugeMetricFamily] = []
        self._until = 0.0

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return every gauge, at most `KEPT_S` old."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._kept, self._until = list(self._read()), time.monotonic() + KEPT_S
            kept = self._kept
        yield from kept

    def _read(self) -> Iterator[GaugeMetricFamily]:
        now_ms = time.time_ns() // 1_000_000
        ages = {"since_id": earliest_id(now_ms - _DAY_MS), "week_id": earliest_id(now_ms - 7 * _DAY_MS)}
        with connection.cursor() as cursor:
            for each in GAUGES:
                gauge = GaugeMetricFamily(each.name, each.text, labels=[each.label] if each.label else [])
                cursor.execute(each.query, {**ages, **each.parameters})
                for *value, figure in cursor.fetchall():
                    if figure is not None:
                        gauge.add_metric([str(label) for label in value], float(figure))
                yield gauge


_DATABASE = CollectorRegistry()
_DATABASE.register(_State())


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
    """Return everything in Prometheus' text format; reads the database, every few seconds at most."""
    return b"".join(generate_latest(registry) for registry in (_REGISTRY, COUNTERS, _DATABASE))
