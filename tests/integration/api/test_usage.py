"""What jobs used and cost, as the API exports it; and that it adds up with the ledger."""

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from accounts.services import IssuedKey, api_key_create
from billing.documents.usage_table import csv_safe
from billing.models import Transfer
from billing.selectors import usage
from core.clock import rfc3339, utc_now
from core.errors import Code
from core.ids import public_id
from inference.models import Job
from inference.services.job_dispatch import job_dispatch
from inference.services.job_settle import job_settle
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error
from tests.integration.inference.scene import EOS, Scene, make_scene

USED_UCU, COST = 10, 20_200


@pytest.fixture
def scene(db: None, tmp_path: Path) -> Scene:
    return make_scene(tmp_path)


@pytest.fixture
def key(scene: Scene) -> IssuedKey:
    return api_key_create(organisation_id=scene.buyer.id, name="k", scopes=["read", "trade", "infer"])


def settled(scene: Scene, tag: str = "", key: IssuedKey | None = None) -> Job:
    now = utc_now()
    job = scene.create(now=now, tag=tag, key=key.key if key else None)
    job_dispatch(job_id=job.id, now=now)
    (lease,) = scene.agents[0].claim(now=now)
    scene.agents[0].deliver(lease, [1, 2, EOS], now=now)
    return job_settle(job_id=job.id, now=now)


def test_each_job_is_a_row_that_names_its_key_tag_and_ledger_entry(
    http: httpx.Client, scene: Scene, key: IssuedKey
) -> None:
    jobs = [settled(scene, "chat", key), settled(scene)]
    rows = http.get("/v1/usage", headers=bearer(key.secret)).json()["data"]
    assert [row["job_id"] for row in rows] == [public_id("job", job.id) for job in jobs]
    assert rows[0] == {
        "prompt_tokens": 5,
        "cached_tokens": 0,
        "output_tokens": 3,
        "compute_ucu": USED_UCU,
        "escrow_nano_usd": 20_000,
        "fee_nano_usd": 200,
        "charged_nano_usd": COST,
        "key_id": public_id("key", key.key.id),
        "model": scene.model.name,
        "tag": "chat",
        "settled_at": rfc3339(jobs[0].ended_at),
        "job_id": public_id("job", jobs[0].id),
        "provider_id": public_id("organisation", scene.agents[0].organisation_id),
        "card_hash": scene.model.card_hash,
        "entry_key": f"settle:{jobs[0].id}",
    }
    assert "key_id" not in rows[1]
    assert rows[1]["tag"] == ""


def test_groups_add_up_with_the_jobs_and_the_ledger(http: httpx.Client, scene: Scene, key: IssuedKey) -> None:
    jobs = [settled(scene, tag, key) for tag in ("a", "b", "a")]
    ask = {"headers": bearer(key.secret)}
    by_tag = http.get("/v1/usage?group_by=tag", **ask).json()["data"]
    assert [(row["tag"], row["jobs"], row["charged_nano_usd"]) for row in by_tag] == [
        ("a", 2, 2 * COST),
        ("b", 1, COST),
    ]
    finest = http.get("/v1/usage?group_by=tag,key,day,model", **ask).json()["data"]
    assert [row["tag"] for row in finest] == ["a", "b"]
    assert {(row["model"], row["day"]) for row in finest} == {
        (scene.model.name, rfc3339(jobs[0].ended_at)[:10])
    }
    keys = [f"settle:{job.id}" for job in jobs]
    moved = Transfer.objects.filter(entry__key__in=keys, asset="USD").values_list("amount", flat=True)
    assert sum(row["charged_nano_usd"] for row in by_tag) == sum(moved)


def test_lines_and_csv_say_the_same_and_no_cell_is_a_formula(
    http: httpx.Client, scene: Scene, key: IssuedKey
) -> None:
    tag = '=HYPERLINK("http://example.com";"a")'
    settled(scene, tag, key)
    ask = {"headers": bearer(key.secret)}
    whole = http.get("/v1/usage", **ask).json()["data"]
    lines = http.get("/v1/usage?format=jsonl", **ask)
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == whole
    table = http.get("/v1/usage?format=csv", **ask)
    assert table.headers["content-disposition"] == 'attachment; filename="usage.csv"'
    (row,) = csv.DictReader(io.StringIO(table.text))
    assert row["tag"] == f"'{tag}"
    assert {name: text for name, text in row.items() if name != "tag"} == {
        name: str(whole[0][name]) for name in row if name != "tag"
    }


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1", "'=1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        ("\ta", "'\ta"),
        ("\ra", "'\ra"),
        ("a=1", "a=1"),
        (-1, -1),
    ],
)
def test_a_cell_that_begins_like_a_formula_gets_an_apostrophe(cell: object, safe: object) -> None:
    assert csv_safe(cell) == safe


def test_batches_leave_nothing_out(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [settled(scene) for _ in range(5)]
    monkeypatch.setattr(usage, "BATCH", 2)
    span = usage.Span(scene.buyer.id, jobs[0].ended_at, jobs[-1].ended_at + timedelta(seconds=1))
    place, seen = (span.start, 0), []
    while place is not None:
        rows, place = usage.usage_after(span, place)
        assert len(rows) <= 2
        seen += [row.job_id for row in rows]
    assert seen == [public_id("job", job.id) for job in jobs]


def test_a_span_begins_with_its_start_and_ends_before_its_end(
    http: httpx.Client, scene: Scene, key: IssuedKey
) -> None:
    first, second = settled(scene), settled(scene)
    ask = {"headers": bearer(key.secret)}
    span = {"from": rfc3339(first.ended_at), "to": rfc3339(second.ended_at)}
    rows = http.get("/v1/usage", params=span, **ask).json()["data"]
    assert [row["job_id"] for row in rows] == [public_id("job", first.id)]
    empty = {"from": span["to"], "to": span["from"]}
    assert http.get("/v1/usage", params=empty, **ask).json() == {"data": []}
    assert http.get("/v1/usage", params=empty | {"group_by": "model"}, **ask).json() == {"data": []}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("from=yesterday", "from"),
        ("group_by=colour", "group_by"),
        ("format=xml", "format"),
        ("colour=1", "colour"),
    ],
)
def test_what_cannot_be_asked_is_refused(http: httpx.Client, key: IssuedKey, query: str, param: str) -> None:
    assert_error(http.get(f"/v1/usage?{query}", headers=bearer(key.secret)), Code.INVALID_FIELD, param)


def test_a_budget_is_set_listed_exceeded_and_ended(http: httpx.Client, scene: Scene, key: IssuedKey) -> None:
    ask = {"headers": bearer(key.secret)}
    wanted = {"window": "month", "limit_nano_usd": 1_000, "key_id": public_id("key", key.key.id)}
    made = http.put("/v1/budgets", json=wanted, **ask).json()
    assert {name: made[name] for name in wanted} == wanted
    assert (made["reserved_nano_usd"], made["spent_nano_usd"], made["left_nano_usd"]) == (0, 0, 1_000)
    assert made["starts_at"].endswith("-01T00:00:00.000000Z")
    assert http.get("/v1/budgets", **ask).json() == {"data": [made]}
    chat = {"model": scene.model.name, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 20}
    answer = http.post("/v1/chat/completions", json=chat | {"metadata": {"tag": "x"}}, **ask)
    assert_error(answer, Code.BUDGET_EXCEEDED)
    assert not Job.objects.filter(organisation=scene.buyer).exists()
    path = f"/v1/budgets/{made['budget_id']}"
    assert http.delete(path, **ask).json() == made
    assert http.get("/v1/budgets", **ask).json() == {"data": []}
    assert_error(http.delete(path, **ask), Code.NOT_FOUND)
    bad = http.put("/v1/budgets", json=wanted | {"key_id": "key_x"}, **ask)
    assert_error(bad, Code.INVALID_FIELD, "key_id")
