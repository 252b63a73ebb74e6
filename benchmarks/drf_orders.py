"""The baseline: orders as a plain Django REST framework view takes them, one transaction each.

What most web exchanges do, done with care: idempotent under its key, the market's row and the wallet's
locked, matched with the best resting order, money set aside, rows written, commit, 201. It does less than
the exchange (no entitlements, no double entry, no capacity, no journal) and writes into the same tables.
Serve it with `granian --interface wsgi benchmarks.drf_orders:application`.
"""

import hashlib
import os
import uuid
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.ROOT_URLCONF = __name__
settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]  # it says how long an answer is
application = get_wsgi_application()

from django.apps import apps  # noqa: E402
from django.db.models import F  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.negotiation import DefaultContentNegotiation  # noqa: E402
from rest_framework.parsers import JSONParser  # noqa: E402
from rest_framework.renderers import JSONRenderer  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from api.auth import ApiKeyAuthentication, HasScope, caller  # noqa: E402
from billing.ledger.chart import Kind, of_organisation  # noqa: E402
from core.clock import utc_now  # noqa: E402
from core.errors import Code, CuxError  # noqa: E402
from core.idempotency import once  # noqa: E402
from core.ids import new_id  # noqa: E402
from exchange.models import Instrument, Order, Trade  # noqa: E402

Balance = apps.get_model("billing.Balance")
Hold = apps.get_model("billing.Hold")


class OrderForm(serializers.Serializer[Any]):
    """An order as it comes in."""

    instrument = serializers.CharField(max_length=80)
    side = serializers.ChoiceField(["buy", "sell"])
    tif = serializers.ChoiceField(["GTC", "IOC"], default="GTC")
    price_ticks = serializers.IntegerField(min_value=1)
    quantity_lots = serializers.IntegerField(min_value=1)


class CanTrade(HasScope):
    """Needs the scope `trade`."""

    scopes = ("trade",)


class OrderView(APIView):
    """POST /v1/orders."""

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [CanTrade]
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = DefaultContentNegotiation

    def post(self, request: Request) -> Response:
        """Place an order, or return what became of it if its key is known."""
        form = OrderForm(data=request.data)
        form.is_valid(raise_exception=True)
        owner = caller(request).organisation_id
        body, _ = once(
            organisation_id=owner,
            key=request.headers["Idempotency-Key"],
            body_sha256=hashlib.sha256(repr(form.validated_data).encode()).digest(),
            action=lambda: place(owner, form.validated_data),
        )
        return Response(body, status=201)


def place(owner: uuid.UUID, wanted: dict[str, Any]) -> dict[str, Any]:
    """Match an order of one lot, write it, and return its view."""
    # Who matches must be alone in the book; without this lock two takers deadlock on each other's rows.
    instrument = Instrument.objects.select_for_update(no_key=True).get(symbol=wanted["instrument"])
    wallet = Balance.objects.select_for_update().get(account_id=of_organisation(Kind.WALLET, owner).id)
    maker = best_match(instrument, wanted)
    order = Order(
        id=new_id(),
        instrument=instrument,
        organisation_id=owner,
        beneficiary_id=owner,
        side=wanted["side"],
        type="limit",
        time_in_force=wanted["tif"],
        self_trade_prevention="none",
        price_ticks=wanted["price_ticks"],
        quantity_lots=wanted["quantity_lots"],
        leaves_lots=0 if maker else wanted["quantity_lots"],
        status="filled" if maker else "open",
        priority=0,
        created_at=utc_now(),
        updated_at=utc_now(),
    )
    order.save(force_insert=True)
    if maker is not None:
        fill(maker, order)
    elif order.side == "buy":
        set_aside(wallet, order)
    return {"order_id": str(order.id), "status": order.status, "leaves_lots": order.leaves_lots}


def best_match(instrument: Instrument, wanted: dict[str, Any]) -> Order | None:
    """Return the resting order with which this one trades first."""
    resting = Order.objects.filter(instrument=instrument, status="open")
    if wanted["side"] == "buy":
        asks = resting.filter(side="sell", price_ticks__lte=wanted["price_ticks"])
        return asks.order_by("price_ticks", "created_at").first()
    bids = resting.filter(side="buy", price_ticks__gte=wanted["price_ticks"])
    return bids.order_by("-price_ticks", "created_at").first()


def set_aside(wallet: Any, order: Order) -> None:
    """Hold the price of a buy order."""
    amount = (order.price_ticks or 0) * order.quantity_lots * order.instrument.tick_nano_usd
    if amount > wallet.posted - wallet.held:
        raise CuxError(Code.INSUFFICIENT_BALANCE)
    wallet.held += amount
    wallet.save(update_fields=["held"])
    Hold.objects.create(
        id=new_id(), account_id=wallet.account_id, kind="order", ref=order.id.hex, placed=amount
    )


def fill(maker: Order, taker: Order) -> None:
    """Trade the maker's lot at its price, and take the money from the buyer's hold."""
    now = utc_now()
    buy, sell = (maker, taker) if maker.side == "buy" else (taker, maker)
    price_ticks = maker.price_ticks or 0
    amount = price_ticks * maker.instrument.tick_nano_usd
    maker.leaves_lots, maker.status, maker.updated_at = 0, "filled", now
    maker.save(update_fields=["leaves_lots", "status", "updated_at"])
    Trade.objects.create(
        id=new_id(),
        instrument=maker.instrument,
        # A dense sequence needs a counter's row and a lock on it; this baseline does without.
        sequence=taker.id.int >> 65,
        price_ticks=price_ticks,
        quantity_lots=1,
        notional_nano_usd=amount,
        buyer_fee_nano_usd=0,
        seller_fee_nano_usd=0,
        taker_side=taker.side,
        buy_order=buy,
        sell_order=sell,
        traded_at=now,
    )
    Hold.objects.filter(kind="order", ref=maker.id.hex).update(captured=F("placed"), ended_at=now)
    wallet = of_organisation(Kind.WALLET, buy.organisation_id).id
    Balance.objects.filter(account_id=wallet).update(posted=F("posted") - amount, held=F("held") - amount)


urlpatterns = [path("v1/orders", OrderView.as_view())]
