"""The exchange as the agent sees it: one method for each request of the provider protocol."""

from collections.abc import AsyncIterator
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from agent import transport
from agent.answer import Delivery
from agent.transport import Transport, TransportError
from cux.wire.agent import (
    Capacity,
    CapacityPage,
    ClaimRequest,
    ClaimResponse,
    ControlEvent,
    EarningsPage,
    EnrolRequest,
    EnrolResponse,
    FailedLine,
    Heartbeat,
    HeartbeatResponse,
    Lease,
    Measurement,
    UploadResult,
)
from cux.wire.card import ComputeCard

T = TypeVar("T")

CONTROL_READ_S = 25.0
"""A control stream is silent for 10 s at most; longer, and it is broken."""
CLAIM_SLACK_S = 10.0
"""How much longer than asked for a long poll may take before it counts as broken."""


async def enrol(exchange: str, request: EnrolRequest) -> EnrolResponse:
    """Join `exchange` with a single-use token; raises TransportError or RefusedError."""
    async with Transport(exchange) as line:
        return _decode(await line.post("/agent/v1/enrol", request), EnrolResponse)


async def upload(delivery: Delivery, lines: AsyncIterator[bytes]) -> UploadResult:
    """Stream an answer to its relay; raises TransportError (deliver again) or RefusedError (never)."""
    url = f"{delivery.relay_url.rstrip('/')}/relay/v1/leases/{delivery.lease_id}/upload"
    return _decode(await transport.upload(url, token=delivery.relay_token, lines=lines), UploadResult)


class Exchange:
    """The requests of an enrolled provider. Each raises TransportError or RefusedError."""

    def __init__(self, line: Transport) -> None:
        self._line = line

    async def card(self, model: str) -> ComputeCard:
        """The compute card that `model` is sold under now; CardError for one of a later version."""
        path = f"/agent/v1/models/{quote(model, safe='')}/card"
        payload: dict[str, Any] = _decode(await self._line.get(path), dict)
        return ComputeCard.from_payload(payload)

    async def capacities(self) -> list[Capacity]:
        """What this provider can deliver, as measured, and what of it is sold and not drawn yet."""
        return _decode(await self._line.get("/agent/v1/capacity"), CapacityPage).data

    async def earnings(self, *, limit: int, before: int | None = None) -> EarningsPage:
        """What the provider's jobs earned, newest first, from `before` on backwards."""
        rest = f"&before={before}" if before is not None else ""
        return _decode(await self._line.get(f"/agent/v1/earnings?limit={limit}{rest}"), EarningsPage)

    async def measured(self, measurement: Measurement) -> None:
        """Report measured capacity."""
        await self._line.post("/agent/v1/measurements", measurement)

    async def heartbeat(self, heartbeat: Heartbeat) -> HeartbeatResponse:
        """Report that this provider is there, and learn which leases to stop."""
        return _decode(
            await self._line.post("/agent/v1/heartbeat", heartbeat, read_s=10.0), HeartbeatResponse
        )

    async def control(self) -> AsyncIterator[ControlEvent]:
        """Yield what the exchange says down the control stream, until it breaks off."""
        async with self._line.open("GET", "/agent/v1/control", read_s=CONTROL_READ_S) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    yield _decode(line.removeprefix("data: ").encode(), ControlEvent)

    async def claim(self, *, free_slots: int, wait_s: int) -> list[Lease]:
        """Wait up to `wait_s` for leases, at most `free_slots` of them."""
        request = ClaimRequest(free_slots=free_slots, wait_s=wait_s)
        body = await self._line.post("/agent/v1/claim", request, read_s=wait_s + CLAIM_SLACK_S)
        return _decode(body, ClaimResponse).leases

    async def fail(self, lease_id: str, *, code: str, message: str) -> None:
        """Give a lease back."""
        line = FailedLine(code=code, message=message)
        await self._line.post(f"/agent/v1/leases/{lease_id}/fail", line)


def _decode(body: bytes, kind: type[T]) -> T:
    """Parse an answer; one that is not of the protocol (a proxy's page, say) counts as not reached."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise TransportError(f"the answer is not a {kind.__name__}: {error}") from error
