"""The web application: the API's operations, the pages for people, the controls for tests."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stripe_double import money
from stripe_double.call import Operation
from stripe_double.control import control_routes
from stripe_double.errors import StripeError
from stripe_double.gateway import Gateway, reply
from stripe_double.pages import page_routes
from stripe_double.resources import (
    accounts,
    charges,
    checkout_sessions,
    customers,
    disputes,
    event_log,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    setup_intents,
    transfers,
)
from stripe_double.runner import Runner
from stripe_double.world import World

OPERATIONS: list[Operation] = [
    *customers.OPERATIONS,
    *payment_methods.OPERATIONS,
    *payment_intents.OPERATIONS,
    *setup_intents.OPERATIONS,
    *checkout_sessions.OPERATIONS,
    *charges.OPERATIONS,
    *refunds.OPERATIONS,
    *disputes.OPERATIONS,
    *accounts.OPERATIONS,
    *transfers.OPERATIONS,
    *payouts.OPERATIONS,
    *money.OPERATIONS,
    *event_log.OPERATIONS,
]


def make_app(world: World, runner: Runner, public_url: str | None) -> Starlette:
    """Return the application on this state."""
    gateway = Gateway(world, runner, public_url)
    routes = [_route(gateway, operation) for operation in OPERATIONS]
    return Starlette(
        routes=[
            *routes,
            *page_routes(world, runner, public_url),
            *control_routes(world, runner),
            Route("/{path:path}", _unknown, methods=["GET", "POST", "DELETE", "PUT", "PATCH"]),
        ]
    )


def _route(gateway: Gateway, operation: Operation) -> Route:
    async def endpoint(request: Request) -> Response:
        return await gateway.answer(operation, request)

    return Route(operation.path, endpoint, methods=[operation.method])


async def _unknown(request: Request) -> Response:
    message = f"Unrecognized request URL ({request.method}: {request.url.path})."
    return reply(404, {"error": StripeError(404, "invalid_request_error", message).error})
