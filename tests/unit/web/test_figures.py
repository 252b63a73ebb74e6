"""Figures as people read them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from exchange.models import Instrument
from tests.environment import ROOT
from web.advice import _ADVICE
from web.figures import change, cu, time_left, usd_per_cu
from web.glossary import glossary


@pytest.mark.parametrize(("ticks", "shown"), [(1, "$0.01"), (2_004, "$20.04"), (1_234_567, "$12,345.67")])
def test_a_price_is_shown_per_compute_unit(ticks, shown):
    assert usd_per_cu(Instrument(lot_ucu=100, tick_nano_usd=1_000), ticks) == shown


@pytest.mark.parametrize(
    ("rate_ppm", "shown"),
    [(0, "0.00 %"), (12_500, "▲ 1.25 %"), (-500, "▼ 0.05 %"), (50, "▲ 0.00 %"), (20_000_000, "▲ 2,000.00 %")],
)
def test_a_change_is_shown_in_percent_with_its_direction(rate_ppm, shown):
    assert change(rate_ppm) == shown


@pytest.mark.parametrize(
    ("compute_ucu", "shown"),
    [(0, "0"), (1, "0.000001"), (12_500, "0.0125"), (1_000_000, "1"), (1_234_500_000, "1,234.5")],
)
def test_compute_is_shown_in_cu(compute_ucu, shown):
    assert cu(compute_ucu) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "ended"),
        (0, "ended"),
        (59, "under a minute"),
        (60, "1 min"),
        (86_340, "23 h 59 min"),
        (180_000, "2 d 2 h"),
    ],
)
def test_time_left_is_shown_in_its_two_largest_units(seconds, shown):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert time_left(now + timedelta(seconds=seconds), now) == shown


def test_every_explained_word_is_in_the_glossary():
    pages = [path.read_text() for path in (ROOT / "templates").rglob("*.html")]
    used = {word for page in pages for word in re.findall(r'{% term "([^"]+)"', page)}
    assert used <= set(glossary())


def test_nothing_is_inline_so_that_the_strict_policy_holds():
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|https?://", text), path


def test_advice_leads_to_pages_that_exist():
    for advice in _ADVICE.values():
        assert not advice.page or reverse(advice.page)
