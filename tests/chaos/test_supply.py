"""Providers die, networks fail, the exchange is away: each job ends once. More of it in `make soak`."""

import shutil

import pytest

from config.processes import ROOT
from tests.chaos.supply import chaos
from tests.support.faulty_proxy import FAULTS

pytestmark = pytest.mark.timeout(300)


def test_whatever_dies_or_breaks_off_each_job_is_finished_once_or_refunded() -> None:
    var = ROOT / "var" / "supply"
    shutil.rmtree(var, ignore_errors=True)
    found = chaos(var, seed=5, misfortunes=8, outage_s=4.0, hole_s=2.0)
    assert set(FAULTS) <= set(found), found
    assert found["answers"] >= found["misfortunes"]
