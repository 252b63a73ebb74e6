"""Celery tasks of the exchange: auctions, covers, wallets, the price index, snapshots, old events.

Ids in, one service call each, any number of times. `OUTBOX_HANDLERS` is what the outbox's drain does
with the exchange's topics.
"""

import uuid
from typing import Any, Final

from celery import shared_task

from core.clock import utc_now
from core.hints import hint_on_commit
from exchange.services.auctions_start import auctions_start
from exchange.services.card_origin import resale_origin
from exchange.services.cover_run import cover_run
from exchange.services.covers_run import covers_run
from exchange.services.debts_pull import debt_pull, debt_pulled, debts_pull
from exchange.services.entitlement_lodge import Offer
from exchange.services.entitlement_sell import entitlement_offer
from exchange.services.events_prune import events_prune
from exchange.services.index_publish import index_publish
from exchange.services.minutes_roll import minutes_roll
from exchange.services.public_access_fund import public_access_fund
from exchange.services.resale_earned import resale_earned
from exchange.services.snapshot_take import snapshot_take
from exchange.services.trade_bust import bust_announce
from exchange.services.wallet_defund import wallet_defund
from exchange.services.wallet_fund import wallet_fund


@shared_task(name="exchange.cover_run")
def cover_run_task(*, cover_id: str, **_: Any) -> None:
    """Take one cover as far as it goes."""
    cover_run(cover_id=uuid.UUID(cover_id), now=utc_now())


@shared_task(name="exchange.covers_run")
def covers_run_task() -> None:
    """Take every unfinished cover as far as it goes."""
    covers_run(now=utc_now())


@shared_task(name="exchange.auctions_start")
def auctions_start_task() -> None:
    """Start the auction of every schedule that has reached an instant."""
    auctions_start(now=utc_now())


@shared_task(name="exchange.debts_pull")
def debts_pull_task() -> None:
    """Collect what organisations owe for disputed payments."""
    debts_pull(now=utc_now())


@shared_task(name="exchange.index_publish")
def index_publish_task() -> None:
    """Publish the CU price index of the minute that has ended."""
    index_publish(now=utc_now())


@shared_task(name="exchange.snapshot_take")
def snapshot_take_task() -> None:
    """Take a snapshot of the books if the journal has grown enough since the last."""
    snapshot_take(now=utc_now())


@shared_task(name="exchange.events_prune")
def events_prune_task() -> None:
    """Forget events that nobody resumes from any more."""
    events_prune(now=utc_now())


@shared_task(name="exchange.minutes_roll")
def minutes_roll_task() -> None:
    """Add up the trades of minutes that are over."""
    minutes_roll()


@shared_task(name="exchange.public_access_fund")
def public_access_fund_task() -> None:
    """Send what fees gave for public access on to the pool's wallet."""
    public_access_fund(now=utc_now())


def _cover_run(payload: dict[str, Any]) -> None:
    # Not here: its steps must be committed before the sequencer acts on them.
    hint_on_commit(task="exchange.cover_run", queue="jobs", cover_id=payload["cover_id"])


def _wallet_fund(payload: dict[str, Any]) -> None:
    wallet_fund(
        organisation_id=uuid.UUID(payload["organisation_id"]),
        amount_nano_usd=payload["amount_nano_usd"],
        key=payload["key"],
    )


def _wallet_defund(payload: dict[str, Any]) -> None:
    wallet_defund(
        organisation_id=uuid.UUID(payload["organisation_id"]),
        amount_nano_usd=payload["amount_nano_usd"],
        key=payload["key"],
        reply_topic=payload["reply_topic"],
        reply=payload["reply"],
    )


def _entitlement_offer(payload: dict[str, Any]) -> None:
    ids = {name: uuid.UUID(payload[name]) for name in ("organisation_id", "entitlement_id")}
    entitlement_offer(offer=Offer(**{**payload, **ids}))


def _resale_earned(payload: dict[str, Any]) -> None:
    trade_id = uuid.UUID(payload["trade_id"])
    resale_origin(trade_id=trade_id)  # first: lots are locked before balances
    resale_earned(trade_id=trade_id, fees_nano_usd=payload["fees_nano_usd"], now=utc_now())


def _debt_pull(payload: dict[str, Any]) -> None:
    debt_pull(organisation_id=uuid.UUID(payload["organisation_id"]), now=utc_now())


def _debt_pulled(payload: dict[str, Any]) -> None:
    debt_pulled(
        organisation_id=uuid.UUID(payload["organisation_id"]),
        amount_nano_usd=payload["amount_nano_usd"],
        key=payload["key"],
        taken=payload["taken"],
        now=utc_now(),
    )


def _trade_busted(payload: dict[str, Any]) -> None:
    bust_announce(trade_id=uuid.UUID(payload["trade_id"]))


OUTBOX_HANDLERS: Final = {
    "cover.run": _cover_run,
    "wallet.fund": _wallet_fund,
    "wallet.defund": _wallet_defund,
    "entitlement.offer": _entitlement_offer,
    "resale.earned": _resale_earned,
    "trade.busted": _trade_busted,
    "debt.pull": _debt_pull,
    "debt.pulled": _debt_pulled,
}
