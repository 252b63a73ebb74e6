"""The comparison of the closed form with other counters says no where figures differ."""

import pytest

from inference.compute import card_from_config
from inference.engines import flops_check
from tests.unit.inference.model_directories import SMOLLM2

FLOPS_100_20 = 27_236_183_040


@pytest.fixture
def card():
    return card_from_config(SMOLLM2, model="m", revision="r")


def test_equal_figures_agree(card):
    result = flops_check.compare("vllm", card, 100, 20, FLOPS_100_20, tolerance_ppm=0)
    assert (result.closed_form_flops, result.difference_ppm, result.ok) == (FLOPS_100_20, 0, True)


@pytest.mark.parametrize("measured", [FLOPS_100_20 - 1, FLOPS_100_20 + 1])
def test_one_flop_off_fails_where_equality_is_asked(card, measured):
    assert not flops_check.compare("vllm", card, 100, 20, measured, tolerance_ppm=0).ok


@pytest.mark.parametrize(("ppm", "ok"), [(9_999, True), (-9_999, True), (10_001, False), (-10_001, False)])
def test_a_tolerance_ends_at_its_ppm(card, ppm, ok):
    measured = FLOPS_100_20 + FLOPS_100_20 * ppm // 1_000_000
    assert flops_check.compare("torch", card, 100, 20, measured, tolerance_ppm=10_000).ok is ok
