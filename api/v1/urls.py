"""Addresses of the trading API."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
