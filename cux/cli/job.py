"""`cux job …`: what was asked of models, and what became of it."""

from itertools import islice
from typing import Annotated

import typer

from cux.cli.figures import cu, moment, usd
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.wire.orders import JobAttempt, JobView

app = group("Your inference jobs.")


@command(app, "list", example="cux job list --limit 5")
def job_list(
    session: Session, limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20
) -> None:
    """List your jobs."""
    rows = list(islice(session.client.job_list(page_size=min(limit, 200)), limit))
    columns = ["created (UTC)", "job", "model", "status", ">tokens", ">compute", ">charged"]
    session.show(rows, lambda: grid(None, columns, [_row(row) for row in rows]))


@command(app, "show", example="cux job show job_0197…")
def job_show(
    session: Session, job_id: Annotated[str, typer.Argument(help="The job, such as job_0197….")]
) -> None:
    """Show one job."""
    job = session.client.job_get(job_id)
    pairs = [
        ("job", job.job_id),
        ("model", job.model),
        ("status", job.status),
        ("tokens", f"{_tokens(job)} ({job.cached_tokens} of the prompt cached, free)"),
        ("quoted at most", cu(job.quote_ucu)),
        ("used", _compute(job)),
        ("charged", _charged(job)),
        ("ended", job.finish_reason or "–"),
        ("attempts", ", ".join(map(_attempt, job.attempts)) or "–"),
        ("created", f"{moment(job.created_at)} UTC"),
        ("settled", f"{moment(job.settled_at)} UTC" if job.settled_at else "–"),
        ("card", job.card_hash),
        ("receipt", job.receipt_hash or "–"),
    ]
    session.show(job, lambda: facts(None, pairs))


def _attempt(one: JobAttempt) -> str:
    paid = f", paid {cu(one.compute_ucu)}" if one.compute_ucu else ""
    why = f" ({one.reason})" if one.reason else ""
    return f"{one.provider_id} {one.outcome}{why}: {one.output_tokens} tokens{paid}"


def _row(job: JobView) -> list[str]:
    return [
        moment(job.created_at),
        job.job_id,
        job.model,
        job.status,
        _tokens(job),
        _compute(job),
        _charged(job),
    ]


def _tokens(job: JobView) -> str:
    return f"{job.prompt_tokens} + {job.output_tokens}"


def _compute(job: JobView) -> str:
    return "–" if job.compute_ucu is None else cu(job.compute_ucu)


def _charged(job: JobView) -> str:
    return "–" if job.charged_nano_usd is None else usd(job.charged_nano_usd)
