"""Addresses of the marketplace's pages."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path

from web.views import activity, docs, market, playground, ticket
from web.views.session import SignIn

app_name = "web"
urlpatterns: list[URLPattern] = [
    path("", market.market, name="market"),
    path("market/<str:symbol>", market.market, name="market_of"),
    path("panels/orders", market.orders_panel, name="orders_panel"),
    path("panels/account", market.account_panel, name="account_panel"),
    path("ticket/preview", ticket.preview, name="ticket_preview"),
    path("orders", ticket.place, name="order_place"),
    path("orders/cancel-all", ticket.cancel_all, name="order_cancel_all"),
    path("orders/<str:order_id>/cancel", ticket.cancel, name="order_cancel"),
    path("playground", playground.playground, name="playground"),
    path("playground/quote", playground.quote, name="playground_quote"),
    path("playground/stream", playground.stream, name="playground_stream"),
    path("activity", activity.activity, name="activity"),
    path("receipts/<str:job_id>.json", activity.receipt_file, name="receipt_file"),
    path("receipts/<str:job_id>", activity.receipt, name="receipt"),
    path("provider", activity.provider, name="provider"),
    path("docs", docs.docs, name="docs"),
    path("docs/openapi.yaml", docs.openapi, name="openapi"),
    path("docs/<slug:name>", docs.document, name="document"),
    path("login", SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
]
