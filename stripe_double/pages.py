"""The pages that Stripe hosts: where a person pays, authenticates, or is onboarded."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from stripe_double import payments
from stripe_double.cards import CARDS, card_error
from stripe_double.errors import StripeError
from stripe_double.forms import parse_form
from stripe_double.resources import accounts, checkout_sessions, setup_intents
from stripe_double.resources.common import NO_ADDRESS
from stripe_double.resources.payouts import FAILING_BANKS
from stripe_double.runner import Runner
from stripe_double.world import Json, World

_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
Form = dict[str, Any]


def _render(name: str, status: int = 200, **values: Any) -> Response:
    return HTMLResponse(_TEMPLATES.get_template(name).render(**values), status)


def _go(url: str) -> Response:
    return RedirectResponse(url, 303)


class Pages:
    """The pages on one state."""

    def __init__(self, world: World, public_url: str | None) -> None:
        self._world, self._public_url = world, public_url

    def _base(self, request: Request) -> str:
        return self._public_url or f"http://{request.headers['host']}"

    async def pay(self, request: Request) -> Response:
        """Show the card page of a Checkout session, and take the card."""
        session = self._world.get("checkout.session", request.path_params["session"])
        if session["status"] != "open":
            return _render("message.html", 410, title="This page has expired", message="Nothing was charged.")
        error = ""
        if request.method == "POST":
            try:
                card = _card(await _form(request))
                return _go(checkout_sessions.pay(self._world, session, card, self._base(request)))
            except StripeError as refused:
                error = str(refused)
        lines = self._world.secrets[session["id"]]["lines"]
        cards = [(number, card.label) for number, card in CARDS.items()]
        return _render(
            "pay.html", 402 if error else 200, session=session, lines=lines, cards=cards, error=error
        )

    async def authenticate(self, request: Request) -> Response:
        """Show what the cardholder's bank asks, and take the answer."""
        intent = self._world.objects.get(request.path_params["intent"], {})
        if intent.get("status") != "requires_action":
            return _render(
                "message.html", 410, title="Nothing to confirm", message="You may close this page."
            )
        if request.method == "GET":
            return _render("authenticate.html", intent=intent)
        agreed = (await _form(request)).get("answer") == "complete"
        try:
            self._authenticated(intent, agreed)
        except StripeError:
            agreed = False
        return _go(self._after(intent, agreed))

    def _authenticated(self, intent: Json, agreed: bool) -> None:
        if intent["object"] == "payment_intent":
            payments.authenticated(self._world, intent, agreed)
        elif agreed:
            setup_intents.finish_setup(self._world, intent)
        else:
            error = card_error("setup_intent_authentication_failure", None)
            raise setup_intents.fail_setup(self._world, intent, error)

    def _after(self, intent: Json, agreed: bool) -> str:
        hidden = self._world.secrets[intent["id"]]
        if "session" in hidden:
            session = self._world.objects[hidden["session"]]
            if agreed:
                method = self._world.objects[intent["payment_method"]]
                return checkout_sessions.complete(self._world, session, method)
            return str(session["url"])
        kind = intent["object"]
        query = urlencode(
            {
                kind: intent["id"],
                f"{kind}_client_secret": intent["client_secret"],
                "redirect_status": "succeeded" if agreed else "failed",
            }
        )
        url = str(hidden["return_url"] or f"/done/{intent['id']}")
        return f"{url}{'&' if '?' in url else '?'}{query}"

    async def onboard(self, request: Request) -> Response:
        """Show the onboarding page of a connected account, and take what is entered; a link works once."""
        world, token = self._world, request.path_params["token"]
        link, hidden = world.objects.get(token, {}), world.secrets.get(token, {})
        if not link or hidden["owner"] != request.path_params["account"]:
            return _render("message.html", 404, title="No such page", message="This link is none of ours.")
        if hidden["used"] or world.second() > link["expires_at"]:
            return _go(hidden["refresh_url"])
        account = world.get("account", hidden["owner"])
        if request.method == "POST":
            form = await _form(request)
            digits = str(form.get("account_number", ""))
            if form.get("name") and digits.isdecimal() and 4 <= len(digits) <= 17:
                hidden["used"] = True
                accounts.onboard(world, account, form)
                return _go(hidden["return_url"])
        failing = FAILING_BANKS.items()
        status = 400 if request.method == "POST" else 200
        return _render("onboard.html", status, account=account, failing=failing)

    async def express(self, request: Request) -> Response:
        """Show a connected account's balance and payouts."""
        name = request.path_params["account"]
        account = self._world.get("account", name)
        payouts = list(self._world.all("payout", name))
        sums = self._world.balances.get(name, {"available": 0, "pending": 0})
        return _render("express.html", account=account, payouts=payouts, sums=sums)


async def _form(request: Request) -> Form:
    return parse_form((await request.body()).decode())


def _card(form: Form) -> Form:
    """Return what was entered. Raises StripeError for an expiry date that is none."""
    month, _, year = str(form.get("expiry", "")).replace(" ", "").partition("/")
    if not (month.isdecimal() and year.isdecimal()):
        raise card_error("invalid_expiry_month", None)
    return {
        "number": str(form.get("number", "")),
        "exp_month": int(month),
        "exp_year": int(year),
        "name": form.get("name") or None,
        "address": {name: form.get(name) or None for name in NO_ADDRESS},
    }


def page_routes(world: World, runner: Runner, public_url: str | None) -> list[Route]:
    """Return the routes of the pages."""
    pages = Pages(world, public_url)

    def route(path: str, page: Callable[[Request], Awaitable[Response]]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                answer = await page(request)
            except StripeError as error:
                answer = _render("message.html", error.status, title="Not found", message=str(error))
            runner.wake()
            return answer

        return Route(path, endpoint, methods=["GET", "POST"])

    return [
        route("/c/pay/{session}", pages.pay),
        route("/authenticate/{intent}", pages.authenticate),
        route("/setup/e/{account}/{token}", pages.onboard),
        route("/express/{account}", pages.express),
    ]
