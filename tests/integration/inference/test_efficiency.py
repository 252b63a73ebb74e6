"""Publishing results: once for the same rows, none that does not come out, never changed."""

import gzip
import json
from collections.abc import Sequence
from hashlib import sha256
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, transaction

from core.clock import utc_now
from core.ids import new_id
from inference.benchmarking.recompute import CannotRecomputeError
from inference.efficiency.endpoint import Reply
from inference.models import EfficiencyResult
from inference.selectors.efficiency import efficiency_list, efficiency_rows
from inference.services.efficiency_publish import Origin, efficiency_publish
from tests.support.openai_double import OpenAIDouble, Said, running
from tests.unit.benchmarking.test_command import command
from tests.unit.benchmarking.test_recompute import CARD, OWN, rows
from tests.unit.benchmarking.test_run import ANSWERS

ORIGIN = Origin(run_by="Northwind", machine="two cores", commit="c" * 40)


def some_rows() -> list[Reply]:
    """Return rows that nobody has published: their times are their own."""
    return [msgspec.structs.replace(each, latency_ms=new_id().int % 10**4) for each in rows()]


def publish(replies: Sequence[Reply], origin: Origin = ORIGIN) -> EfficiencyResult:
    return efficiency_publish(run=OWN, card=CARD, replies=replies, origin=origin, now=utc_now())


def test_a_result_is_kept_with_its_rows_and_published_once(db: None) -> None:
    replies = some_rows()
    result = publish(replies)
    assert publish(replies[::-1]).id == result.id
    (view,) = [each for each in efficiency_list(limit=200) if each.rows_sha256 == result.rows_sha256]
    assert (view.run_by, view.machine, view.commit, view.method) == (
        "Northwind",
        "two cores",
        "c" * 40,
        "asked",
    )
    assert (view.entry.questions, view.entry.card_hashes) == (15, [CARD.card_hash])
    assert view.cards == [CARD.to_payload()]
    lines = efficiency_rows(result.id)
    assert lines is not None
    assert sha256(lines).hexdigest() == view.rows_sha256
    read = [msgspec.json.decode(line, type=Reply) for line in lines.splitlines()]
    assert read == sorted(replies, key=lambda each: each.question)
    assert efficiency_rows(new_id()) is None


def test_what_cannot_be_recomputed_or_is_nobodys_is_not_published(db: None) -> None:
    before, replies = EfficiencyResult.objects.count(), some_rows()
    with pytest.raises(CannotRecomputeError):
        publish([msgspec.structs.replace(replies[0], flops=1), *replies[1:]])
    with pytest.raises(ValueError, match="without its machine"):
        publish(replies, Origin(run_by="x", machine=" ", commit="x"))
    assert EfficiencyResult.objects.count() == before


def test_a_published_result_stays(db: None) -> None:
    result = publish(some_rows())
    for change in (
        lambda: EfficiencyResult.objects.filter(id=result.id).update(run_by="other"),
        lambda: EfficiencyResult.objects.filter(id=result.id).delete(),
    ):
        with pytest.raises(ProgrammingError), transaction.atomic():
            change()
    assert EfficiencyResult.objects.get(id=result.id).run_by == "Northwind"


def test_the_command_publishes_a_complete_run_and_refuses_one_that_was_tampered_with(
    db: None, tmp_path: Path
) -> None:
    card, out = tmp_path / "card.json", tmp_path / "run.jsonl"
    card.write_text(json.dumps(CARD.to_payload()))
    told = ("--publish", "--run-by", "Northwind", "--machine", "a double", "--commit", "d" * 40)
    with running(OpenAIDouble(lambda text, _: Said(ANSWERS[text]))) as url:
        with pytest.raises(CommandError, match="--publish needs --machine"):
            command(url, card, out, "--publish", "--run-by", "Northwind")
        assert not out.exists()
        said = command(url, card, out, *told)
    assert "published at http" in said
    result = EfficiencyResult.objects.filter(machine="a double").latest("published_at")
    assert (result.entry["score_ppm"]["value"], result.commit) == (10**6, "d" * 40)
    kept = gzip.decompress(bytes(result.rows)).splitlines()
    assert sorted(out.read_bytes().splitlines()[1:]) == sorted(kept)

    out.write_bytes(out.read_bytes().replace(b'"output_tokens":5', b'"output_tokens":1', 1))
    before = EfficiencyResult.objects.count()
    with pytest.raises(CommandError, match="count of FLOPs"):
        command(url, card, out, *told)
    assert EfficiencyResult.objects.count() == before


def test_the_exchanges_own_results_are_published_once(db: None) -> None:
    said = [StringIO(), StringIO()]
    for each in said:
        call_command("publish_efficiency", stdout=each)
    assert said[0].getvalue() == said[1].getvalue()
    own = [each for each in efficiency_list(limit=200) if each.method == "replayed"]
    names = {each.entry.name: each for each in own}
    assert len(own) == len(names) == 6
    gate = names["CUX gate and router"]
    report = json.loads(Path("docs/efficiency/results.json").read_text())
    assert gate.entry.score_ppm.value == round(report["figures"]["test"]["gate"]["score"] * 10**6)
    assert gate.entry.flops_mean == pytest.approx(report["figures"]["test"]["gate"]["gflops"] * 10**9)
    assert gate.entry.score_ppm.low < gate.entry.score_ppm.value < gate.entry.score_ppm.high
    assert (gate.commit, gate.entry.strata[0].latency_p50_ms) == (report["commit"], None)
    assert gate.source.endswith(report["table"])
