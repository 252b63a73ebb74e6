"""`cux complete`, `cux file …` and `cux requests …`: plain completions, and files of many requests."""

from pathlib import Path
from typing import Annotated

import typer

from cux.cli.chat import model_to_ask, say_usage
from cux.cli.exits import UsageError
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.client.calls.request_batches import Endpoint
from cux.wire.openai import BatchJob, FileView

files = group("Files that batches read and write.")
requests = group("Files of requests, answered within a day on your cheapest compute.")
FileId = Annotated[str, typer.Argument(help="The file, such as file_0197….")]
BatchId = Annotated[str, typer.Argument(help="The batch, such as batch_0197….")]
Limit = Annotated[int, typer.Option(min=1, max=100, help="How many, newest first.")]


def register(app: typer.Typer) -> None:
    """Add `complete` to the root."""
    command(app, "complete", example='cux complete "Once upon a time" --max-tokens 40')(complete)


def complete(
    session: Session,
    prompt: Annotated[str, typer.Argument(help="The text to continue.")],
    model: Annotated[str | None, typer.Option(help="The model; else one you hold compute for.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="At most so many tokens.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed repeats an answer.")] = None,
) -> None:
    """Continue a text. The continuation goes to stdout, what it used and cost to stderr."""
    asked = model or model_to_ask(session)
    whole = session.client.complete(asked, prompt, max_tokens=max_tokens, seed=seed)
    session.show_line(whole, whole.text)
    say_usage(session, whole.usage)


@command(files, "list", example="cux file list --limit 5")
def file_list(session: Session, limit: Limit = 20) -> None:
    """List your files."""
    rows = session.client.file_list(limit=limit).data
    session.show(
        rows, lambda: grid(None, ["file", "name", "purpose", ">bytes"], [_file(row) for row in rows])
    )


@command(files, "get", example="cux file get file_0197… > answers.jsonl")
def file_get(session: Session, file_id: FileId) -> None:
    """Write what a file holds to stdout, byte for byte."""
    session.write_bytes(session.client.file_content(file_id))


@command(files, "delete", example="cux file delete file_0197…")
def file_delete(session: Session, file_id: FileId) -> None:
    """Delete a file for good."""
    session.show_line(session.client.file_delete(file_id), f"deleted {file_id}")


@command(requests, "send", example="cux requests send asked.jsonl")
def requests_send(
    session: Session,
    path: Annotated[Path, typer.Argument(help="JSON Lines as OpenAI's batches have them.")],
    endpoint: Annotated[Endpoint, typer.Option(help="What the lines ask.")] = "/v1/chat/completions",
) -> None:
    """Bring a file of requests and have it answered within 24 hours."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    file = session.client.file_upload(content, filename=path.name)
    batch = session.client.batch_create(file.id, endpoint=endpoint)
    session.show_line(batch, f"{batch.id} is {batch.status}; cux requests show {batch.id}")


@command(requests, "list", example="cux requests list")
def requests_list(session: Session, limit: Limit = 20) -> None:
    """List your batches."""
    rows = session.client.batch_list(limit=limit).data
    columns = ["batch", "status", ">requests", ">answered", ">failed"]
    session.show(rows, lambda: grid(None, columns, [_batch(row) for row in rows]))


@command(requests, "show", example="cux requests show batch_0197…")
def requests_show(session: Session, batch_id: BatchId) -> None:
    """Show how far a batch is, where its answers are and what is wrong with its lines."""
    _show(session, session.client.batch_get(batch_id))


@command(requests, "cancel", example="cux requests cancel batch_0197…")
def requests_cancel(session: Session, batch_id: BatchId) -> None:
    """Begin no further request of a batch; what runs is finished."""
    _show(session, session.client.batch_cancel(batch_id))


def _show(session: Session, batch: BatchJob) -> None:
    counts = batch.request_counts
    wrong = batch.errors.data if batch.errors else []
    pairs = [
        ("batch", batch.id),
        ("status", batch.status),
        ("requests", f"{counts.total:,}: {counts.completed:,} answered, {counts.failed:,} failed"),
        ("answers", batch.output_file_id or "–"),
        ("errors", batch.error_file_id or "–"),
        *((f"line {error['line'] or '–'}", f"{error['code']}: {error['message']}") for error in wrong),
    ]
    session.show(batch, lambda: facts(None, pairs))


def _file(row: FileView) -> list[str]:
    return [row.id, row.filename, row.purpose, f"{row.bytes:,}"]


def _batch(row: BatchJob) -> list[str]:
    counts = row.request_counts
    return [row.id, row.status, f"{counts.total:,}", f"{counts.completed:,}", f"{counts.failed:,}"]
