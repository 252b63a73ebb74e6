"""What the soak's record keeps, and what it forgets."""

import json

import pytest

from tests.soak import run
from tests.soak.record import CHANGES, Found, Record, load

OTHER, THIS = "0" * 40, "1" * 40


def kept(tmp_path, found: Found) -> Record:
    path = tmp_path / "soak.json"
    Record({"part": found}).save(path)
    return load(path, THIS)


@pytest.mark.parametrize("commit", [OTHER, THIS])
def test_what_passed_stands_with_its_commit(tmp_path, commit):
    found = Found(commit, planned=2, done=2, seconds=1.5, figures={"kills": 2})
    assert kept(tmp_path, found).parts == {"part": found}


def test_what_was_begun_goes_on_at_its_commit_alone(tmp_path):
    begun = Found(THIS, planned=2, done=1)
    assert kept(tmp_path, begun).parts == {"part": begun}
    assert kept(tmp_path, Found(OTHER, planned=2, done=1)).parts == {}


def test_what_failed_stands_at_its_commit_alone(tmp_path):
    failed = Found(THIS, planned=2, done=2, failures=["after 2: lost"])
    record = kept(tmp_path, failed)
    assert (record.parts, record.verdict) == ({"part": failed}, "failed")
    assert kept(tmp_path, Found(OTHER, planned=2, done=2, failures=["lost"])).parts == {}


def test_what_passed_on_changed_files_is_forgotten(tmp_path):
    assert kept(tmp_path, Found(f"{OTHER}{CHANGES}now", planned=2, done=2)).parts == {}


def test_a_failure_is_written_at_once(tmp_path, monkeypatch):
    class Part:
        name, planned = "part", 2

        def units(self, done):
            yield {"kills": 1}
            raise AssertionError("lost")

    path = tmp_path / "soak.json"
    monkeypatch.setattr(run, "PARTS", (Part(),))
    monkeypatch.setattr(run, "commit_id", lambda: THIS)
    soak = run.Soak(result_path=path)
    soak._record.parts["part"] = found = Found(THIS, planned=2)
    soak._go_on(Part(), found, until=float("inf"))
    written = json.loads(path.read_text())
    assert (written["verdict"], written["parts"]["part"]["failures"]) == ("failed", ["after 1: lost"])
