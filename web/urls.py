"""Addresses of the marketplace's pages."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path

from web.views import (
    activity,
    cards,
    deposits,
    docs,
    documents,
    market,
    playground,
    refunds,
    ticket,
    wallet,
)
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
    path("wallet", wallet.wallet, name="wallet"),
    path("panels/balance", wallet.balance_panel, name="balance_panel"),
    path("wallet/statement", wallet.statement, name="statement"),
    path("wallet/by-card/<str:kind>", wallet.by_card, name="by_card"),
    path("wallet/deposit", deposits.deposit, name="deposit"),
    path("wallet/deposit/quote", deposits.quote, name="deposit_quote"),
    path("wallet/deposit/return", deposits.returned, name="deposit_returned"),
    path("wallet/deposits/<str:deposit_id>", deposits.progress, name="deposit_progress"),
    path("wallet/refund", refunds.refund, name="refund"),
    path("wallet/cards", cards.cards, name="cards"),
    path("wallet/cards/add", cards.add, name="card_add"),
    path("wallet/cards/<str:payment_method>/prefer", cards.prefer, name="card_prefer"),
    path("wallet/cards/<str:payment_method>/forget", cards.forget, name="card_forget"),
    path("wallet/top-up", cards.top_up, name="top_up"),
    path("wallet/top-up/end", cards.top_up_end, name="top_up_end"),
    path("documents", documents.documents, name="documents"),
    path("documents/profile", documents.profile, name="profile"),
    path("documents/statements/<str:month>.pdf", documents.statement_file, name="statement_file"),
    path("documents/<str:number>.pdf", documents.document_file, name="document_file"),
    path("docs", docs.docs, name="docs"),
    path("docs/openapi.yaml", docs.openapi, name="openapi"),
    path("docs/<slug:name>", docs.document, name="document"),
    path("login", SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
]
