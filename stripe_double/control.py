"""Controls for tests and demos under `/_double/`: JSON in, JSON out."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stripe_double import chaos, webhooks
from stripe_double.errors import StripeError
from stripe_double.money import move
from stripe_double.resources import accounts, disputes, payouts, refunds, transfers
from stripe_double.runner import Runner
from stripe_double.world import Json, World

Control = Callable[[World, str, Json], Any]
SETTINGS = (
    "available_after_days",
    "dispute_after_s",
    "dispute_fee_returned",
    "late_balance_transaction_s",
    "refund_pending_s",
)


def _reset(world: World, _: str, given: Json) -> None:
    """Forget everything but the endpoints (or those given); a `seed` makes the same ids each time."""
    fresh = World(endpoints=given.get("endpoints", world.endpoints))
    if "seed" in given:
        fresh.salt = f"seed {given['seed']}"
    world.become(fresh)


def _settings(world: World, _: str, given: Json) -> Json:
    if unknown := set(given) - set(SETTINGS):
        raise TypeError(f"unknown settings: {sorted(unknown)}")
    world.settings |= given
    return world.settings


def _fault(world: World, _: str, given: Json) -> None:
    """Have the next request of an operation meet a fault."""
    if given["fault"] not in chaos.FAULTS:
        raise TypeError(f"fault must be one of {chaos.FAULTS}")
    world.settings.setdefault("faults", []).append([given["operation"], given["fault"]])


def _endpoint(world: World, _: str, given: Json) -> Json:
    return webhooks.add_endpoint(
        world,
        given["url"],
        given["secrets"],
        connect=given.get("connect"),
        enabled_events=given.get("enabled_events"),
    )


def _top_up(world: World, account: str, given: Json) -> Json:
    """Give the platform (or an account) money of its own that is available at once."""
    return move(world, "topup", given["amount"], world.new_id("tu"), account=account.removeprefix("platform"))


def _require(world: World, account: str, given: Json) -> Json:
    item = world.get("account", account)
    accounts.require(world, item, given.get("fields", accounts.NEEDED))
    return item


def _onboard(world: World, account: str, given: Json) -> Json:
    item = world.get("account", account)
    accounts.onboard(world, item, given)
    return item


def _refund(world: World, refund: str, given: Json) -> Json:
    if given["status"] == "failed":
        refunds.refund_fails(world, refund, given.get("reason", "expired_or_canceled_card"))
    else:
        refunds.refund_succeeds(world, refund)
    return world.get("refund", refund)


CONTROLS: dict[str, Control] = {
    "reset": _reset,
    "settings": _settings,
    "faults": _fault,
    "chaos": lambda world, _, given: chaos.switch(world, given),
    "endpoints": _endpoint,
    "top_up/{id}": _top_up,
    "charges/{id}/dispute": lambda world, charge, given: disputes.open_dispute(world, charge, **given),
    "disputes/{id}/win": lambda world, dispute, _: disputes.win(world, dispute),
    "disputes/{id}/lose": lambda world, dispute, _: disputes.lose(world, dispute),
    "disputes/{id}/reinstate": lambda world, dispute, _: disputes.reinstate(world, dispute),
    "refunds/{id}": _refund,
    "transfers/{id}/reverse": transfers.reverse,
    "payouts/{id}/fail": lambda world, payout, given: payouts.fail(world, payout, **given),
    "accounts/{id}/require": _require,
    "accounts/{id}/onboard": _onboard,
}


def state_of(world: World) -> Json:
    """Return the objects by kind and the totals that a ledger can be compared with."""
    kinds = {kind: [world.objects[name] for name in names] for kind, names in world.kinds.items()}
    booked: Counter[str] = Counter()
    for item in kinds.get("balance_transaction", []):
        if not world.owners[item["id"]]:
            booked[item["reporting_category"]] += item["net"]
    return {
        "now": world.second(),
        "balances": {account or "platform": sums for account, sums in world.balances.items()},
        "platform_by_category": dict(booked),
        "objects": kinds,
        "owners": {name: owner for name, owner in world.owners.items() if owner},
        "deliveries": world.deliveries,
        "waiting": [[job[3], job[4]] for job in sorted(world.jobs)],
        "chaos": world.chaos,
        "settings": world.settings,
    }


def control_routes(world: World, runner: Runner) -> list[Route]:
    """Return the routes of the controls."""

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            await runner.advance(float((await request.json()).get("advance_s", 0)))
        return JSONResponse({"now": world.now()})

    async def state(_: Request) -> Response:
        return JSONResponse(state_of(world))

    def route(path: str, control: Control) -> Route:
        async def endpoint(request: Request) -> Response:
            given = await request.json() if await request.body() else {}
            try:
                result = control(world, request.path_params.get("id", ""), given)
            except StripeError as error:
                return JSONResponse({"error": error.error}, error.status)
            except (TypeError, KeyError, ValueError) as error:
                return JSONResponse({"error": {"message": repr(error)}}, 400)
            runner.wake()
            return JSONResponse({"result": result})

        return Route(f"/_double/{path}", endpoint, methods=["POST"])

    async def healthy(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return [
        Route("/healthz", healthy, methods=["GET"]),
        Route("/_double/clock", clock, methods=["GET", "POST"]),
        Route("/_double/state", state, methods=["GET"]),
        *(route(path, control) for path, control in CONTROLS.items()),
    ]
