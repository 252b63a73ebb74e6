"""A small market for the browser tests: two providers quoting, three buyers, a few trades."""

from dataclasses import dataclass

import httpx

from accounts.models import Organisation
from accounts.services import api_key_create, member_create
from exchange.models import ComputeClass, Instrument
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import Fund, SetCapacity
from inference.services.provider_enrol import provider_create
from tests.builders import unique
from tests.sequencer_market import put_in_transit

PASSWORD = "correct horse battery"
FUNDS = 1_000_000_000_000


@dataclass(frozen=True)
class Party:
    """Somebody who trades by API and can sign in."""

    organisation: Organisation
    login: str
    key: str

    def order(self, url: str, symbol: str, side: str, lots: int, ticks: int) -> dict[str, object]:
        """Place a limit order over HTTP."""
        body = {"instrument": symbol, "side": side, "quantity_lots": lots, "price_ticks": ticks}
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = httpx.post(f"{url}/v1/orders", json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        view: dict[str, object] = answer.json()
        return view

    def cancel_all(self, url: str, symbol: str) -> None:
        """Cancel all orders on an instrument over HTTP."""
        headers = {"Authorization": f"Bearer {self.key}"}
        httpx.delete(f"{url}/v1/orders?instrument={symbol}", headers=headers, timeout=10).raise_for_status()


@dataclass(frozen=True)
class Scene:
    """The market's address, its instrument and its parties."""

    url: str
    symbol: str
    ada: Party
    grace: Party
    hopper: Party
    northwind: Party
    southgrid: Party


def make_scene(url: str, name: str = "smollm2-135m.cpu") -> Scene:
    """Make the market of this name, with quotes of both providers and a few trades."""
    compute_class = ComputeClass.objects.create(
        code=unique("smollm2-135m.cpu"), model="smollm2-135m-instruct", card_hash="0" * 64
    )
    symbol = f"{name}-spot"
    for delivery in ("spot", "idle"):
        Instrument.objects.create(
            symbol=f"{name}-{delivery}",
            compute_class=compute_class,
            delivery=delivery,
            lot_ucu=100,
            tick_nano_usd=1_000,
            band_low_ticks=200,
            band_high_ticks=20_000,
            max_order_lots=1_000_000,
            maker_fee_ppm=0,
            taker_fee_ppm=10_000,
            window_s=86_400 if delivery == "spot" else 3_600,
        )
    names = ("ada", "grace", "hopper", "northwind", "southgrid")
    ada, grace, hopper, northwind, southgrid = (_party(name) for name in names)
    for buyer in (ada, grace, hopper):
        put_in_transit(buyer.organisation, FUNDS)
        assert submit_sync(Fund(buyer.organisation.id, FUNDS, "funds")).status == 200
    for provider in (northwind, southgrid):
        provider_create(organisation_id=provider.organisation.id, name=provider.login)
        assert (
            submit_sync(SetCapacity(provider.organisation.id, compute_class.code, 2_000, 1_000_000)).status
            == 200
        )
    scene = Scene(url, symbol, ada, grace, hopper, northwind, southgrid)
    _quote(scene)
    return scene


def _party(name: str) -> Party:
    organisation = Organisation.objects.create(name=name.title(), slug=unique(name))
    login = unique(name)
    member_create(organisation_id=organisation.id, username=login, password=PASSWORD)
    key = api_key_create(organisation_id=organisation.id, name="browser", scopes=("read", "trade", "infer"))
    return Party(organisation, login, key.secret)


def _quote(scene: Scene) -> None:
    for step in range(10):
        scene.northwind.order(scene.url, scene.symbol, "sell", 180 + 70 * (step * 5 % 7), 2_004 + 6 * step)
        scene.southgrid.order(scene.url, scene.symbol, "sell", 120 + 90 * (step * 3 % 5), 2_006 + 5 * step)
        scene.grace.order(scene.url, scene.symbol, "buy", 150 + 60 * (step * 4 % 7), 1_996 - 4 * step)
    for lots, ticks in ((40, 2_004), (25, 2_004), (140, 2_006), (60, 2_006), (35, 2_007)):
        scene.ada.order(scene.url, scene.symbol, "buy", lots, ticks)
    for lots, ticks in ((30, 1_996), (45, 1_996), (80, 1_996), (12, 1_992)):
        scene.southgrid.order(scene.url, scene.symbol, "sell", lots, ticks)
    for lots, ticks in ((50, 2_000), (120, 1_990), (75, 1_975)):
        scene.ada.order(scene.url, scene.symbol, "buy", lots, ticks)
