"""What came of a batch's line, as a line of its output or error file."""

import uuid

import msgspec

from api.openai.answers import KINDS, Answer
from api.openai.batch_lines import KIND_OF, parse_line
from api.openai.quoting import choice_of
from api.openai.starting import Started
from core.errors import Code, CuxError
from core.ids import fresh_public_id, public_id
from inference.gateway import settled_answer
from inference.models import Job
from inference.selectors.progress import job_progress
from inference.selectors.routes import job_routed


def answered(*, line_id: uuid.UUID, request: bytes, endpoint: str, job: Job) -> bytes:
    """Return the line with the answer of a settled job, exactly as the endpoint would give it.

    Raises:
        CuxError: INTERNAL, the answer is not kept any more.
    """
    line = parse_line(request, endpoint)
    chunk, finished = settled_answer(job_progress(job.id))
    started = Started(
        (job.id,), job.model_id, job.model.card_hash, job.quote_ucu, int(job.created_at.timestamp())
    )
    answer = Answer(KINDS[KIND_OF[endpoint]], started, [choice_of(line.asked, job.id)], False)
    for happened in (chunk, finished):
        list(answer.add(0, happened))
    response = {
        "status_code": 200,
        "request_id": fresh_public_id("request"),
        "body": answer.whole(job_routed(job.id)),
    }
    return _line(line_id, line.custom_id, response=response)


def refused(*, line_id: uuid.UUID, request: bytes, endpoint: str, error: CuxError) -> bytes:
    """Return the line with the refusal that the endpoint would give."""
    request_id = fresh_public_id("request")
    response = {"status_code": error.status, "request_id": request_id, "body": error.body(request_id)}
    return _line(line_id, parse_line(request, endpoint).custom_id, response=response)


def not_run(*, line_id: uuid.UUID, request: bytes, endpoint: str, code: Code) -> bytes:
    """Return the line of a request that was never answered: the batch expired or was cancelled."""
    error = {"code": code.wire, "message": code.spec.message}
    return _line(line_id, parse_line(request, endpoint).custom_id, error=error)


def _line(
    line_id: uuid.UUID,
    custom_id: str,
    *,
    response: dict[str, object] | None = None,
    error: dict[str, str] | None = None,
) -> bytes:
    named = {"id": public_id("batch_line", line_id), "custom_id": custom_id}
    return msgspec.json.encode({**named, "response": response, "error": error})
