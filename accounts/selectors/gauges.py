"""What `/metrics` says of webhooks."""

from typing import Final

from core.gauges import Gauge

GAUGES: Final = (
    Gauge(
        "cux_webhooks_due",
        "Deliveries to webhooks whose time has come.",
        "SELECT count(*) FROM accounts_webhookdelivery WHERE next_at <= now()",
    ),
    Gauge(
        "cux_webhooks_waiting",
        "Deliveries to webhooks that failed and are tried again later.",
        "SELECT count(*) FROM accounts_webhookdelivery WHERE next_at > now()",
    ),
    Gauge(
        "cux_webhooks_dead",
        "Deliveries of the last week that were given up.",
        """SELECT count(*) FROM accounts_webhookdelivery d
        JOIN accounts_webhookendpoint e ON e.id = d.endpoint_id AND e.removed_at IS NULL
        WHERE d.id >= %(week_id)s AND d.next_at IS NULL AND d.delivered_at IS NULL""",
    ),
)
