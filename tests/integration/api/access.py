"""The addresses of the web process as code lists them, and a world of callers and things to ask about."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import ApiKey, Organisation
from accounts.secrets import secret_generate
from accounts.services import api_key_create, api_key_revoke, member_create
from accounts.services.webhook_emit import webhook_emit
from accounts.services.webhook_endpoints import webhook_endpoint_create
from api.routes import ROUTES
from billing.models import Deposit
from billing.services.budget_set import budget_set
from billing.services.deposit_create import deposit_create
from core.ids import new_id, public_id
from core.money import NANO_PER_USD
from exchange.models import Entitlement
from exchange.sequencer.client import submit_sync
from exchange.sequencer.protocol import SetStandingOffer
from tests import builders
from tests.integration.api.conftest import bearer
from tests.sequencer_market import make_market

SCOPES: Final = tuple(ApiKey.Scope.values)
PAGES: Final = "page"
"""The method of a page's row: a page is one address, whichever methods it takes."""
_CSRF: Final = "c" * 32


def addresses() -> set[tuple[str, str]]:
    """Return every method and path of the API and every page."""
    found = {(method, route.path) for route in ROUTES for method in route.handlers}
    return found | set(_of_django(get_resolver().url_patterns, "/"))


def _of_django(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        path = before + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _of_django(pattern.url_patterns, path)
        elif view := getattr(pattern.callback, "cls", None):
            names = (name for name in view.http_method_names if name != "options" and hasattr(view, name))
            yield from ((name.upper(), path) for name in names)
        else:
            yield PAGES, path


@dataclass
class World:
    """An organisation with one of everything, another one, and headers of all who may ask."""

    owner: Organisation
    stranger: Organisation
    things: dict[str, str]

    def callers(self) -> dict[str, dict[str, str]]:
        """Return headers by role."""
        now = datetime.now(UTC)
        revoked = self._issue(self.owner, *_own())
        api_key_revoke(organisation_id=self.owner.id, key_id=revoked.key.id, now=now)
        return {
            "nobody": {},
            "unknown": bearer(secret_generate("live")[1]),
            "other organisation": bearer(self._issue(self.stranger, *_own()).secret),
            "revoked": bearer(revoked.secret),
            "expired": bearer(self._issue(self.owner, *_own(), expires_at=now).secret),
            "wrong address": bearer(
                self._issue(self.owner, *_own(), allowed_networks=["203.0.113.0/24"]).secret
            ),
            **{scope: bearer(self._issue(self.owner, scope).secret) for scope in _own()},
            "operate": bearer(self._issue(builders.house(), "operate").secret),
            "operator": bearer(self._issue(builders.house(), *SCOPES).secret),
        }

    def signed_in(self) -> dict[str, str]:
        """Return the header of a member's browser, who has just signed in."""
        name = builders.unique("member")
        member = member_create(organisation_id=self.owner.id, username=name, password="correct horse battery")
        browser = Client()
        browser.force_login(member.user)
        return {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}

    def address(self, path: str) -> str:
        """Return a path with things of the owner's."""
        return re.sub(r"\{(\w+)\}", lambda found: self.things[found[1]], path)

    def _issue(self, who: Organisation, *scopes: str, **limits: Any) -> Any:
        return api_key_create(organisation_id=who.id, name="k", scopes=scopes, order_limit=10_000, **limits)


def _own() -> tuple[str, ...]:
    return tuple(scope for scope in SCOPES if scope != "operate")


def browser(headers: dict[str, str]) -> dict[str, str]:
    """Return headers as a browser's form sends them, with the token that forged ones lack."""
    cookies = "; ".join(filter(None, [headers.get("Cookie"), f"csrftoken={_CSRF}"]))
    return headers | {"Cookie": cookies, "X-CSRFToken": _CSRF, "Accept": "text/html"}


def make_world() -> World:
    """Make a market, and have its buyer own an order, an entitlement, a key; its seller a standing offer."""
    market = make_market()
    idle = make_market(delivery="idle")
    assert market.sell(2_000, 2).status == 201
    assert market.buy(2_000, 2).status == 201
    order = market.buy(1, 1, client_order_id="mine").body
    offer = submit_sync(SetStandingOffer(market.buyer.id, idle.instrument.symbol, 1_000, 1)).body
    entitlement = Entitlement.objects.get(holder=market.buyer)
    budget = budget_set(
        organisation_id=market.buyer.id,
        api_key_id=None,
        window="day",
        limit_nano_usd=1,
        now=datetime.now(UTC),
    )
    hook = webhook_endpoint_create(
        organisation_id=market.buyer.id, url="https://example.com/", types=[]
    ).endpoint
    with transaction.atomic():
        webhook_emit(
            organisation_id=market.buyer.id, type="payout.paid", event_id="e", data={}, now=datetime.now(UTC)
        )
    spare = api_key_create(organisation_id=market.buyer.id, name="spare", scopes=["read"])
    deposit = deposit_create(
        organisation_id=market.buyer.id,
        amount_nano_usd=5 * NANO_PER_USD,
        method=Deposit.Method.CHECKOUT,
        now=datetime.now(UTC),
    )
    unknown = {
        "refund_id": "refund",
        "payout_id": "payout",
        "job_id": "job",
        "lease_id": "lease",
        "auction_id": "auction",
        "trade_id": "trade",
        "abuse_report_id": "abuse_report",
        "ban_id": "ban",
        "money_action_id": "money_action",
        "provider_id": "provider",
        "failure_id": "failure",
        "file_id": "file",
        "batch_id": "batch",
        "adaptive_id": "adaptive",
        "efficiency_result_id": "efficiency_result",
    }
    return World(
        owner=market.buyer,
        stranger=builders.organisation("stranger"),
        things={
            "symbol": market.instrument.symbol,
            "order_id": order["order_id"],
            "client_order_id": "mine",
            "entitlement_id": public_id("entitlement", entitlement.id),
            "standing_offer_id": offer["standing_offer_id"],
            "month": "2026-01",
            "number": "INV-2026-999999",
            "budget_id": public_id("budget", budget.id),
            "key_id": public_id("key", spare.key.id),
            "webhook_id": public_id("webhook", hook.id),
            "delivery_id": public_id("delivery", hook.deliveries.get().id),
            "organisation_id": public_id("organisation", uuid.uuid4()),
            **{name: public_id(kind, new_id()) for name, kind in unknown.items()},
            "card_hash": "0" * 64,
            "height": "1",
            "code": "overall",
            "deposit_id": public_id("deposit", deposit.id),
            "payment_method": "pm_unknown",
            "model": "no-such",
            "name": "no-such",
            "kind": "refunds",
        },
    )
