"""The provider protocol's addresses (docs/provider-protocol.md)."""

from typing import Final

from api.agent import claims, control, earnings, enrol, heartbeats
from api.routing import Route

ROUTES: Final = (
    Route("/agent/v1/enrol", {"POST": enrol.enrol}),
    Route("/agent/v1/models/{model}/card", {"GET": enrol.card}),
    Route("/agent/v1/measurements", {"POST": enrol.measurements}),
    Route("/agent/v1/heartbeat", {"POST": heartbeats.heartbeat}),
    Route("/agent/v1/capacity", {"GET": earnings.capacity}),
    Route("/agent/v1/earnings", {"GET": earnings.earnings}),
    Route("/agent/v1/control", {"GET": control.control}),
    Route("/agent/v1/claim", {"POST": claims.claim}),
    Route("/agent/v1/leases/{lease_id}/fail", {"POST": claims.fail}),
)
