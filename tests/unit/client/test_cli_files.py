"""`cux complete`, files, batches of requests, and a provider's audits, as a scripted exchange answers."""

import json
from email import message_from_bytes

import httpx
import pytest

from cux.client.calls.request_batches import file_upload
from tests.unit.client.cli import run
from tests.unit.client.exchange import Script, ok

FILE = {
    "id": "file_1",
    "bytes": 1_234,
    "created_at": 1,
    "expires_at": 2,
    "filename": "a.jsonl",
    "purpose": "batch",
}
BATCH = {
    "id": "batch_1",
    "endpoint": "/v1/chat/completions",
    "status": "in_progress",
    "input_file_id": "file_1",
    "output_file_id": None,
    "error_file_id": None,
    "errors": None,
    "request_counts": {"total": 1_000, "completed": 7, "failed": 1},
    "metadata": None,
    "created_at": 1,
    "expires_at": 2,
    **dict.fromkeys(
        ("in_progress_at", "finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at")
    ),
    "cancelled_at": None,
}
FAILURE = {
    "failure_id": "flr_1",
    "provider_id": "prv_1",
    "model": "m",
    "audit_id": "jau_1",
    "since": "2026-01-01T00:00:00Z",
    "failed_at": "2026-01-02T00:00:00Z",
    "jobs": 12,
    "taken_nano_usd": 10**9,
    "earnings_taken_nano_usd": 0,
    "charged_nano_usd": 2 * 10**9,
    "credited_nano_usd": 10**9,
    "appeal": "open",
    "appeal_text": "it was ours",
    "decision": "",
}


def test_an_upload_is_the_form_that_a_browser_would_send():
    call = file_upload(b'{"a": 1}\n', filename='we"ird.jsonl')
    assert call.body is not None
    head = f"Content-Type: {call.headers()['Content-Type']}\r\n\r\n".encode()
    purpose, file = message_from_bytes(head + call.body).get_payload()
    assert purpose.get_payload() == "batch"
    assert (file.get_filename(), file.get_payload(decode=True)) == ("we%22ird.jsonl", b'{"a": 1}\n')
    assert call.idempotency_key


def test_a_file_of_requests_is_brought_and_sent(monkeypatch, tmp_path):
    (tmp_path / "asked.jsonl").write_text("{}\n")
    script = Script(ok(FILE), ok(BATCH))
    result = run(monkeypatch, script, "requests", "send", str(tmp_path / "asked.jsonl"))
    assert (result.exit_code, result.stdout.split()[0]) == (0, "batch_1")
    assert [request.url.path for request in script.requests] == ["/v1/files", "/v1/batches"]
    assert json.loads(script.requests[1].content)["input_file_id"] == "file_1"


def test_a_file_that_is_not_there_is_wrong_usage_and_nothing_is_asked(monkeypatch):
    script = Script()
    assert run(monkeypatch, script, "requests", "send", "no-such.jsonl").exit_code == 2
    assert script.requests == []


@pytest.mark.parametrize(
    ("words", "method", "path", "answer", "shown"),
    [
        (["requests", "list"], "GET", "/v1/batches", {"data": [BATCH]}, "1,000"),
        (["requests", "show", "batch_1"], "GET", "/v1/batches/batch_1", BATCH, "7 answered, 1 failed"),
        (["requests", "cancel", "batch_1"], "POST", "/v1/batches/batch_1/cancel", BATCH, "in_progress"),
        (["file", "list"], "GET", "/v1/files", {"data": [FILE]}, "1,234"),
        (["file", "delete", "file_1"], "DELETE", "/v1/files/file_1", {"id": "file_1"}, "deleted file_1"),
        (["audit", "list"], "GET", "/v1/audits", {"data": []}, "evidence"),
        (["audit", "failures"], "GET", "/v1/audit-failures", {"data": [FAILURE]}, "flr_1"),
        (["audit", "show", "flr_1"], "GET", "/v1/audit-failures", {"data": [FAILURE]}, "it was ours"),
        (["audit", "appeal", "flr_1", "no"], "POST", "/v1/audit-failures/flr_1/appeal", FAILURE, "open"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_asked_and_shown(monkeypatch, words, method, path, answer, shown):
    if "data" in answer:
        answer = answer | {"first_id": None, "last_id": None, "has_more": False}
    script = Script(ok(answer))
    result = run(monkeypatch, script, *words)
    assert result.exit_code == 0, result.output
    assert [(request.method, request.url.path) for request in script.requests] == [(method, path)]
    assert shown in result.stdout


def test_a_failure_that_is_not_ones_own_is_wrong_usage(monkeypatch):
    script = Script(ok({"data": [FAILURE]}))
    assert run(monkeypatch, script, "audit", "show", "flr_2").exit_code == 2


def test_what_a_file_holds_goes_to_stdout_as_it_is(monkeypatch):
    script = Script(lambda _: httpx.Response(200, content=b'{"a": 1}\n'))
    assert run(monkeypatch, script, "file", "get", "file_1").stdout_bytes == b'{"a": 1}\n'


def test_a_text_is_continued(monkeypatch):
    answer = {
        "id": "cmpl-1",
        "model": "m",
        "choices": [{"text": " there was", "finish_reason": "length"}],
        "usage": {
            "prompt_tokens": 1,
            "completion_tokens": 2,
            "total_tokens": 3,
            "cux": {
                "compute_ucu": 1,
                "quote_ucu": 2,
                "cost_nano_usd": 3,
                "cost_usd": "0",
                "card_hash": "0",
                "job_id": "job_1",
                "receipt_hash": "0",
                "receipt_url": "u",
            },
        },
    }
    script = Script(ok(answer))
    result = run(monkeypatch, script, "complete", "Once", "--model", "m", "--max-tokens", "2")
    assert result.stdout == " there was\n"
    assert json.loads(script.requests[0].content) == {"model": "m", "prompt": "Once", "max_tokens": 2}
