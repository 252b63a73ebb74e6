"""Keep the offers in the book in step with what this agent can deliver, by the operator's policies."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent import pricing
from agent.exchange import Exchange
from agent.pricing import Offer, Policy, Resting, Step, Terms
from agent.served import Served
from agent.transport import RefusedError, TransportError
from cux.client import AsyncClient, CuxError
from cux.client.views import Instrument
from cux.wire.agent import Capacity

log = logging.getLogger("cux.agent.offering")

MARK = "agent-"
"""How the `client_order_id` of this agent's orders begins; all others are left alone."""


@dataclass(slots=True)
class Offering:
    """Offers one provider's capacity under policies, with a key of its organisation that may trade."""

    client: AsyncClient
    exchange: Exchange
    served: list[Served]
    policies: tuple[Policy, ...]
    every_s: float
    paused: bool = False
    """Nothing is offered: the agent drains, or its host is being maintained."""
    problem: str = ""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def notify(self) -> None:
        """Look at once: an engine came or went."""
        self._wake.set()

    async def run(self) -> None:
        """Look every `every_s` and when told to, until cancelled; what fails is tried the next time."""
        while True:
            self._wake.clear()
            await self.look()
            try:
                async with asyncio.timeout(self.every_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Bring every instrument's offer in step once."""
        problems = []
        try:
            capacities = await self.exchange.capacities()
        except (TransportError, RefusedError) as error:
            self.problem = f"capacity not known: {error}"
            return
        for policy in self.policies:
            try:
                await self._look_at(policy, capacities)
            except CuxError as error:
                problems.append(f"{policy.instrument}: {error}")
                log.warning("offers: %s", problems[-1])
        self.problem = "; ".join(problems)

    async def withdraw(self) -> None:
        """Take every offer out: the agent leaves."""
        self.paused = True
        await self.look()

    async def _look_at(self, policy: Policy, capacities: list[Capacity]) -> None:
        instrument = await self.client.instrument_get(policy.instrument)
        if instrument.delivery == "idle":
            await self._stand(policy, self._wanted(policy, instrument, capacities, 0))
            return
        mine, others_ucu = await self._resting(instrument)
        want = self._wanted(policy, instrument, capacities, others_ucu)
        for step in pricing.steps(want, mine, step_ticks=policy.step_ticks):
            await self._do(policy.instrument, step)

    async def _resting(self, instrument: Instrument) -> tuple[list[Resting], int]:
        """This agent's offers, oldest first, and the µCU that the organisation's other sell orders hold."""
        mine, others = [], 0
        async for order in self.client.order_list(instrument=instrument.instrument, open_only=True):
            if order.side != "sell" or order.entitlement_id is not None:
                continue
            if (order.client_order_id or "").startswith(MARK) and order.price_ticks is not None:
                mine.append(Resting(order.order_id, Offer(order.price_ticks, order.leaves_lots)))
            else:
                others += order.leaves_lots * instrument.lot_ucu
        return mine[::-1], others

    def _wanted(
        self, policy: Policy, instrument: Instrument, capacities: list[Capacity], others_ucu: int
    ) -> Offer | None:
        places = [one for one in self.served if one.card.model == instrument.model]
        slots = sum(one.slots for one in places)
        if self.paused or not slots:
            return None
        able = sum(one.slots for one in places if one.is_open)
        free = sum(
            pricing.deliverable_ucu(
                rate_ucu_per_s=row.rate_ucu_per_s * able // slots,
                tier_factor_ppm=row.tier_factor_ppm,
                window_s=instrument.window_s,
                issued_ucu=row.issued_ucu,
            )
            for row in capacities
            if (row.compute_class, row.delivery) == (instrument.compute_class, instrument.delivery)
        )
        now = datetime.now(UTC)
        busy = sum(len(one.running) for one in places)
        return pricing.wanted(
            policy,
            _terms(instrument),
            free_ucu=free - others_ucu,
            load_ppm=busy * pricing.PPM // slots,
            minute=now.hour * 60 + now.minute,
        )

    async def _do(self, instrument: str, step: Step) -> None:
        log.info("%s: %s", instrument, step)
        match step:
            case pricing.Place(offer):
                name = f"{MARK}{datetime.now(UTC):%Y%m%d%H%M%S%f}"
                await self.client.order_place(
                    instrument,
                    "sell",
                    quantity_lots=offer.lots,
                    price_ticks=offer.price_ticks,
                    client_order_id=name,
                )
            case pricing.Replace(order_id, offer):
                await self.client.order_replace(
                    order_id, price_ticks=offer.price_ticks, quantity_lots=offer.lots
                )
            case pricing.Cancel(order_id):
                await self.client.order_cancel(order_id)

    async def _stand(self, policy: Policy, want: Offer | None) -> None:
        """Have the offer stand in every auction of an idle instrument."""
        rows = await self.client.standing_offer_list()
        there = [row for row in rows if row.instrument == policy.instrument]
        resting = [Resting(row.standing_offer_id, Offer(row.price_ticks, row.quantity_lots)) for row in there]
        for step in pricing.steps(want, resting, step_ticks=policy.step_ticks):
            log.info("%s: %s", policy.instrument, step)
            if isinstance(step, pricing.Cancel):
                await self.client.standing_offer_withdraw(step.order_id)
            else:
                await self.client.standing_offer_set(
                    policy.instrument, price_ticks=step.offer.price_ticks, quantity_lots=step.offer.lots
                )


def _terms(instrument: Instrument) -> Terms:
    return Terms(
        lot_ucu=instrument.lot_ucu,
        window_s=instrument.window_s,
        min_lots=instrument.min_order_lots,
        max_lots=instrument.max_order_lots,
        band_low_ticks=instrument.band_low_ticks,
        band_high_ticks=instrument.band_high_ticks,
    )
