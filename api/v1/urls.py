"""Addresses of the API that Django answers; `api.routes` has those answered past it."""

from django.urls import URLPattern, path

from api.openai import models as openai_models
from api.v1 import account, api_keys, charts, directory, jobs, keys, market, operators, quotes

urlpatterns: list[URLPattern] = [
    path("instruments", market.instruments),
    path("instruments/<str:symbol>", market.instrument),
    path("instruments/<str:symbol>/book", market.book),
    path("instruments/<str:symbol>/trades", market.trades),
    path("instruments/<str:symbol>/candles", charts.candles),
    path("instruments/<str:symbol>/stats", charts.stats),
    path("index", charts.index),
    path("index/<str:code>", charts.index_of),
    path("orders", account.orders),
    path("orders/by-client-id/<path:client_order_id>", account.order_by_client_id),
    path("orders/<str:order_id>", account.order),
    path("balances", account.balances),
    path("dead-man", account.dead_man),
    path("entitlements", account.entitlements),
    path("jobs", jobs.jobs),
    path("jobs/<str:job_id>", jobs.job),
    path("receipts/<str:job_id>", jobs.receipt),
    path("quotes", quotes.quotes),
    path("keys", keys.keys),
    path("api-keys", api_keys.api_keys),
    path("api-keys/<str:key_id>", api_keys.api_key),
    path("operator/kill", operators.kill),
    path("operator/phases", operators.phase),
    path("operator/accounts/<str:organisation_id>", operators.account),
    path("operator/fee-tiers", operators.fee_tier),
    path("providers", directory.providers),
    path("compute-cards", directory.cards),
    path("compute-cards/<str:card_hash>", directory.card),
    path("models", openai_models.models),
    path("models/<path:name>", openai_models.model),
]
