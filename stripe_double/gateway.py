"""From a request to its answer: key, parameters, idempotency, faults."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stripe_double import chaos, idempotency
from stripe_double.call import Call, Operation
from stripe_double.errors import StripeError
from stripe_double.forms import parse_form
from stripe_double.listing import expanded
from stripe_double.params import array, full, read_params
from stripe_double.runner import Runner
from stripe_double.serving import HANG_UP
from stripe_double.world import API_VERSION, Json, World, copied

_BROKEN = {"type": "api_error", "message": "An unknown error occurred (a fault of the double, on request)."}
_LIMITED = {"type": "invalid_request_error", "message": "Too many requests", "code": "rate_limit"}


class HangUp(Response):
    """No answer: the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close it."""
        await send({"type": HANG_UP})


def reply(status: int, body: Json, **headers: str) -> Response:
    """Return an answer as Stripe writes it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(json.dumps(body, indent=2), status, named, "application/json")


class Gateway:
    """Answers the operations of the API."""

    def __init__(self, world: World, runner: Runner, public_url: str | None) -> None:
        self._world, self._runner, self._public_url = world, runner, public_url

    async def answer(self, operation: Operation, request: Request) -> Response:
        """Return the answer to one request."""
        world = self._world
        headers = {"Request_Id": world.new_id("req", 14), "Stripe_Version": API_VERSION}
        body = (await request.body()).decode()
        key = self._key(operation, request)
        try:
            _authorise(request)
            # The request is the same only if method, path and parameters are.
            text = f"{request.method} {request.url.path} {body}"
            if key and (kept := idempotency.begin(world, key, text)):
                return reply(
                    kept["status"], kept["body"], **headers, Idempotent_Replayed="true", **_final(kept)
                )
        except StripeError as error:
            return reply(error.status, {"error": error.error}, **headers)
        fault = chaos.fault_of(world, operation.name)
        if fault in ("error_before", "rate_limited"):
            idempotency.finish(world, key, {}, keep=False)
            status, what = (500, _BROKEN) if fault == "error_before" else (429, _LIMITED)
            return reply(status, {"error": what}, **headers, Stripe_Should_Retry="true")
        answer, keep = self._perform(operation, request, body)
        if fault == "error_after":
            answer = {"status": 500, "body": {"error": _BROKEN}}
        if chaos.webhooks_first(world, operation.name) and not self._runner.busy:
            await self._runner.run_due()
        if key:
            idempotency.finish(world, key, answer, keep=keep)
        self._runner.wake()
        if fault == "timeout_after":
            return HangUp()
        return reply(answer["status"], answer["body"], **headers, **_final(answer))

    def _key(self, operation: Operation, request: Request) -> str:
        key = request.headers.get("idempotency-key", "")
        if not key or operation.method != "POST":
            return ""
        return f"{request.headers.get('stripe-account', '')} {key}"

    def _perform(self, operation: Operation, request: Request, body: str) -> tuple[Json, bool]:
        """Return the answer, and whether an idempotency key is to remember it."""
        try:
            given = parse_form(body if operation.method == "POST" else request.url.query)
            params = read_params(operation.shape | {"expand": array(full)}, given)
            paths = params.pop("expand", [])
            result = operation.act(self._call(request, params))
            return {"status": 200, "body": expanded(self._world, result, paths)}, True
        except StripeError as error:
            return {
                "status": error.status,
                "body": {"error": copied(error.error)},
            }, error.saved

    def _call(self, request: Request, params: dict[str, Any]) -> Call:
        account = request.headers.get("stripe-account", "")
        if account and account not in self._world.objects:
            raise StripeError(
                403,
                "invalid_request_error",
                f"The provided key does not have access to account '{account}' (or it does not exist).",
                code="account_invalid",
            )
        base = self._public_url or f"http://{request.headers['host']}"
        return Call(self._world, params, dict(request.path_params), account, base)


def _authorise(request: Request) -> None:
    """Raise StripeError (401) unless the request has a test key."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme == "Bearer" and key.startswith(("sk_test_", "rk_test_")):
        return
    if not key:
        message = "You did not provide an API key."
    else:
        message = f"Invalid API Key provided: {key[:7]}****{key[-4:]}"
    raise StripeError(401, "invalid_request_error", message, saved=False)


def _final(answer: Json) -> dict[str, str]:
    """Return the header that tells the SDK not to ask again where the answer would be the same."""
    return {"Stripe_Should_Retry": "false"} if answer["status"] >= 500 else {}
