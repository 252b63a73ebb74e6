"""The life of some money: paid by card, traded, drawn by a job, settled, what is left given back, paid out.

Every step may be taken again by the next process: whoever comes after a death begins at the beginning, under
the same keys, as clients, agents, the outbox and the reconcilers do.
"""

import os
import pickle
import time
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from billing.ledger.chart import Kind, of_organisation
from billing.models import Deposit, Entry, Payout
from billing.selectors.balances import balances, organisation_balance
from billing.services.deposit_create import deposit_create
from billing.services.deposit_step import deposit_step
from billing.services.payee_onboard import payee_onboard, payee_refresh
from billing.services.payout_decide import payout_decide
from billing.services.payout_step import payout_step
from config.tasks import HANDLERS
from core.clock import utc_now
from core.errors import Code, CuxError
from core.idempotency import once
from core.outbox import outbox_drain
from cux.wire.signing import SigningKey
from exchange.models import Entitlement, Trade
from exchange.sequencer import protocol as p
from exchange.sequencer.client import submit_sync
from exchange.services.covers_run import covers_run
from inference.models import Job, Provider
from inference.services.entitlements_expire import entitlements_expire
from inference.services.job_create import job_create
from inference.services.jobs_reconcile import jobs_reconcile
from inference.services.leases_expire import leases_expire
from inference.services.sampling import Sampling
from tests import builders
from tests.integration.inference.scene import EOS, Agent, Scene, make_scene
from tests.points.moments import Moments
from tests.stripe import StripeDouble

DEPOSIT_NANO_USD: Final = 5_000_000_000
PRICE_TICKS: Final = 10_000
LOTS: Final = 20
WINDOW_S: Final = 1_200
_PATIENCE_S: Final = 30.0
_STEPS: Final = 12


@dataclass
class Life:
    """One buyer, one provider, one instrument, one job; their facts lie in `directory`."""

    number: int
    directory: Path

    def run(self, moments: Moments) -> dict[str, Any]:
        """Live from wherever an earlier process stopped; return what became of the money."""
        scene = self._scene()
        _submit(p.Inspect())  # the sequencer is there
        moments.watch()
        self._deposit(scene)
        self._trade(scene)
        job_id = self._ask(scene)
        self._work(scene, job_id)
        self._close(scene)
        self._pay_out(scene)
        return self._report(scene, job_id)

    def _scene(self) -> Scene:
        facts = self.directory / "scene"
        if not facts.exists():
            scene = make_scene(self.directory, entitled=0, window_s=WINDOW_S)
            builders.house()
            seed = os.urandom(32)
            provider = scene.agents[0].provider
            Provider.objects.filter(id=provider.id).update(public_key=SigningKey(seed).public.hex())
            self._onboard(provider.organisation_id)
            facts.write_bytes(pickle.dumps((replace(scene, agents=[]), provider, seed)))
        scene, provider, seed = pickle.loads(facts.read_bytes())  # noqa: S301 - we wrote it
        return replace(scene, agents=[Agent(provider, SigningKey(seed), "")])

    def _onboard(self, provider: uuid.UUID) -> None:
        """Have the provider tell Stripe of its bank."""
        asked = {"return_url": "http://127.0.0.1/", "refresh_url": "http://127.0.0.1/"}
        key = f"link-{provider}"
        _, url = payee_onboard(organisation_id=provider, country="US", link_key=key, now=utc_now(), **asked)
        _person().onboard(url)
        payee_refresh(organisation_id=provider, now=utc_now())

    def _deposit(self, scene: Scene) -> None:
        """Pay by card, on Stripe's own page."""

        def create() -> dict[str, Any]:
            made = deposit_create(
                organisation_id=scene.buyer.id,
                amount_nano_usd=DEPOSIT_NANO_USD,
                method=Deposit.Method.CHECKOUT,
                now=utc_now(),
            )
            return {"deposit_id": str(made.id)}

        answer, _ = once(
            organisation_id=scene.buyer.id, key=f"pay-{self.number}", body_sha256=bytes(32), action=create
        )
        deposit_id = uuid.UUID(answer["deposit_id"])
        for _ in range(_STEPS):
            deposit_step(deposit_id=deposit_id, now=utc_now())
            deposit = Deposit.objects.get(id=deposit_id)
            if deposit.state == Deposit.State.SUCCEEDED:
                break
            if deposit.checkout_url:
                _person().pay(deposit.checkout_url)
        assert deposit.state == Deposit.State.SUCCEEDED
        outbox_drain(HANDLERS, utc_now())

    def _trade(self, scene: Scene) -> None:
        seller = scene.agents[0].organisation_id
        _submit(p.SetCapacity(seller, scene.instrument.compute_class_id, 1_000, 1_000_000))
        for who, side in ((seller, "sell"), (scene.buyer.id, "buy")):
            order = p.NewOrder(
                organisation_id=who,
                instrument=scene.instrument.symbol,
                side=side,
                price_ticks=PRICE_TICKS,
                quantity_lots=LOTS,
                key=f"life-{self.number}",
            )
            verdict = _submit(order)
            assert verdict.status < 300, verdict

    def _ask(self, scene: Scene) -> uuid.UUID:
        def create() -> dict[str, Any]:
            job = job_create(quote=scene.quote(), sampling=Sampling(seed=1), now=utc_now())
            return {"job_id": str(job.id)}

        answer, _ = once(
            organisation_id=scene.buyer.id, key=f"ask-{self.number}", body_sha256=bytes(32), action=create
        )
        return uuid.UUID(answer["job_id"])

    def _work(self, scene: Scene, job_id: uuid.UUID) -> None:
        """Be worker, clock and agent until the job has ended; time passes faster for who has to wait."""
        now = utc_now()
        for _ in range(30):
            _tick(now)
            if Job.objects.get(id=job_id).ended_at is not None:
                return
            scene.agents[0].heartbeat(scene.model, now=now)
            for lease in scene.agents[0].claim(now=now):
                scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
            now += timedelta(seconds=20)
        raise AssertionError("the job does not end")

    def _close(self, scene: Scene) -> None:
        """Let the window end: nobody measured that the provider was there, so the rest is the buyer's."""
        later = utc_now() + timedelta(seconds=WINDOW_S + 60)
        entitlements_expire(now=later)
        _tick(utc_now())

    def _pay_out(self, scene: Scene) -> None:
        """Pay the provider what is payable; days pass at Stripe and at the bank."""
        provider = scene.agents[0].organisation_id
        found = Payout.objects.filter(payee__organisation_id=provider)
        payout = found.first() or payout_decide(organisation_id=provider, now=utc_now())
        for _ in range(_STEPS):
            _person().advance(8 * 86_400)
            payout_step(payout_id=payout.id, now=utc_now())
            payout.refresh_from_db()
            if payout.state == Payout.State.PAID:
                return
        raise AssertionError(f"the payout does not arrive: {payout.state} {payout.waiting_for}")

    def _report(self, scene: Scene, job_id: uuid.UUID) -> dict[str, Any]:
        provider = scene.agents[0].organisation_id
        accounts = [of_organisation(kind, provider) for kind in (Kind.EARNINGS, Kind.HOLD_BACK)]
        found = balances(accounts)
        buyer = organisation_balance(scene.buyer.id)
        hashes = _submit(p.Inspect()).body
        rows = Entitlement.objects.filter(holder=scene.buyer)
        return {
            "state": Job.objects.get(id=job_id).state,
            "buyer": [buyer.funding, buyer.transit, buyer.wallet_posted, buyer.wallet_held],
            "provider": [found[account].posted for account in accounts],
            "trades": Trade.objects.filter(instrument=scene.instrument).count(),
            "entitlements": sorted(rows.values_list("state", flat=True)),
            "paid_out": list(
                Payout.objects.filter(payee__organisation_id=provider).values_list("state", "amount_nano_usd")
            ),
            "settled": Entry.objects.filter(key=f"settle:{job_id}").count(),
            "memory_is_committed": hashes["state_hash"] == hashes["committed_state_hash"],
        }


def _person() -> StripeDouble:
    """Return what people do at Stripe's pages, and at its clock."""
    return StripeDouble(settings.STRIPE_API_BASE)


def _tick(now: datetime) -> None:
    """Do once what worker and clock do all the time."""
    outbox_drain(HANDLERS, now)
    leases_expire(now=now)
    jobs_reconcile(now=now)
    covers_run(now=now)
    outbox_drain(HANDLERS, now)


def _submit(command: p.Command) -> p.Verdict:
    """Ask the sequencer; while it is not there, ask again, as the error says."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return submit_sync(command)
        except CuxError as error:
            if error.code is not Code.SEQUENCER_UNAVAILABLE or time.monotonic() > until:
                raise
            time.sleep(0.02)
