"""`manage.py seed`: fill an empty exchange with a small market to try it on."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from accounts.models import Organisation
from accounts.services import api_key_create, member_create, organisation_create
from billing.services.deposit_record import deposit_record
from billing.services.wallet_move import send_to_wallet
from core.clock import utc_now
from core.embedded.paths import var_directory
from exchange.engine.orders import Phase
from exchange.sequencer.auctions import Periods
from exchange.services.auction_schedule import schedule_set
from exchange.services.instrument_create import instrument_create
from exchange.services.paper_list import paper_list
from inference.engines.model_card import tier_depths
from inference.engines.model_manifest import read_manifest
from inference.services.catalogue_list import catalogue_list
from inference.services.provider_enrol import provider_create

COMPUTE_CLASS = "smollm2-135m.cpu"
LADDER_CLASS = "reasoner-135m.cpu"
LICENCE = "Apache-2.0"
BUYERS = ("ada", "grace", "hopper")
PROVIDERS = ("northwind", "southgrid")
LADDER_PROVIDER = "eastpeak"
DEPOSIT_NANO_USD = 1_000 * 10**9
HOUR_S = 3_600
AUCTION = Periods(input_s=20, no_cancel_s=10, random_close_s=5)
AUCTION_EVERY_S = 120
IDLE_WINDOW_S = AUCTION_EVERY_S - AUCTION.longest_s
"""What an auction sells is drawn until the next one."""


class Command(BaseCommand):
    """Seeds compute classes, instruments, idle auctions, three buyers with funds, three providers; once."""

    help = "Seed a market: buyers ada, grace, hopper, providers northwind, southgrid, and eastpeak's ladder."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where the models lie and where logins and keys are to be written (mode 0600)."""
        var = var_directory()
        parser.add_argument("--model", type=Path, default=var / "models" / "smollm2-135m-instruct")
        parser.add_argument("--ladder", type=Path, default=var / "models" / "reasoner", help="if it is there")
        parser.add_argument("--by-card", action="append", default=[], choices=BUYERS, help="gets no cash")
        parser.add_argument("--out", type=Path, default=var / "demo.json")

    def handle(self, *, model: Path, ladder: Path, out: Path, by_card: list[str], **_: Any) -> None:
        """Seed unless there is a house already, which means: it was done."""
        if Organisation.objects.filter(is_house=True).exists():
            self.stdout.write("already seeded")
            return
        with transaction.atomic():
            facts = _seed(model, by_card)
            if read_manifest(ladder) is not None:
                facts["ladder"] = _ladder(ladder)
            _write_private(out, facts)
        self.stdout.write(f"seeded; logins and keys are in {out}")


def _seed(model: Path, by_card: list[str]) -> dict[str, Any]:
    organisation_create(name="CUX", slug="cux", is_house=True)
    if settings.MARKET_MODE == "test":
        paper_list()  # first: the market page opens with it
    listed = catalogue_list(directory=model, compute_class=COMPUTE_CLASS, licence=LICENCE)
    spot, idle = _instruments(COMPUTE_CLASS)
    return {
        "model": listed.name,
        "instrument": spot,
        "idle_instrument": idle,
        "buyers": {name: _buyer(name, has_cash=name not in by_card) for name in BUYERS},
        "by_card": by_card,
        "providers": {name: _provider(name) for name in PROVIDERS},
    }


def _ladder(directory: Path) -> dict[str, Any]:
    """List the model in `directory` and its depth tiers in one class, sold by a provider of their own."""
    depths = (None, *tier_depths(directory))
    listed = [
        catalogue_list(directory=directory, compute_class=LADDER_CLASS, licence=LICENCE, depth=depth)
        for depth in depths
    ]
    spot, idle = _instruments(LADDER_CLASS)
    return {
        "directory": str(directory),
        "layers": {model.name: depth or 0 for model, depth in zip(listed, depths, strict=True)},
        "instrument": spot,
        "idle_instrument": idle,
        "providers": {LADDER_PROVIDER: _provider(LADDER_PROVIDER)},
    }


def _instruments(compute_class: str) -> tuple[str, str]:
    """Make the instruments for spot and for idle delivery of a class, the latter with its auctions."""
    spot = _instrument(compute_class, "spot", window_s=24 * HOUR_S, reference_ticks=2_000)
    idle = _instrument(compute_class, "idle", window_s=IDLE_WINDOW_S, reference_ticks=1_000, phase="pre_open")
    schedule_set(
        symbol=idle,
        every_s=AUCTION_EVERY_S,
        offset_s=0,
        periods=AUCTION,
        then_phase="pre_open",
        now=utc_now(),
    )
    return spot, idle


def _instrument(
    compute_class: str,
    delivery: str,
    *,
    window_s: int,
    reference_ticks: int,
    phase: Phase = "continuous",
) -> str:
    return instrument_create(
        symbol=f"{compute_class}-{delivery}",
        compute_class=compute_class,
        delivery=delivery,
        lot_ucu=100,
        tick_nano_usd=1_000,
        band_ticks=(200, 20_000),
        max_order_lots=1_000_000,
        maker_fee_ppm=0,
        taker_fee_ppm=10_000,
        window_s=window_s,
        reference_ticks=reference_ticks,
        phase=phase,
    ).symbol


def _buyer(name: str, *, has_cash: bool) -> dict[str, str]:
    facts, organisation = _party(name, scopes=("read", "trade", "infer", "withdraw", "keys"))
    if not has_cash:
        return facts
    now = utc_now()
    deposit_record(
        organisation_id=organisation.id, amount_nano_usd=DEPOSIT_NANO_USD, key=f"seed:{name}", now=now
    )
    send_to_wallet(
        organisation_id=organisation.id, amount_nano_usd=DEPOSIT_NANO_USD, key=f"seed:{name}", now=now
    )
    return facts


def _provider(name: str) -> dict[str, str]:
    facts, organisation = _party(name, scopes=("read", "trade", "withdraw", "keys"))
    created = provider_create(organisation_id=organisation.id, name=name)
    return facts | {"enrol_token": created.enrol_token}


def _party(name: str, *, scopes: tuple[str, ...]) -> tuple[dict[str, str], Organisation]:
    organisation = organisation_create(name=name.title(), slug=name)
    password = secrets.token_urlsafe(12)
    member_create(organisation_id=organisation.id, username=name, password=password)
    key = api_key_create(organisation_id=organisation.id, name="demo", scopes=scopes)
    return {"login": name, "password": password, "api_key": key.secret}, organisation


def _write_private(path: Path, facts: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(facts, stream, indent=2)
    draft.replace(path)
