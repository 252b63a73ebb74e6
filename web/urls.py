"""Addresses of the marketplace's pages."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path

from web.views import market, ticket
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
    path("login", SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
]
