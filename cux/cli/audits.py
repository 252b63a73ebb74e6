"""`cux audit …`: what the exchange looked at of your own provider's answers, failures, and appeals."""

from itertools import islice
from typing import Annotated

import typer

from cux.cli.exits import UsageError
from cux.cli.figures import moment, usd
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.wire.audits import AuditFailureView, JobAuditView

app = group("Audits of your own provider, failures and appeals.")
FailureId = Annotated[str, typer.Argument(help="The failure, such as flr_0197….")]


@command(app, "list", example="cux audit list --limit 5")
def audit_list(
    session: Session, limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20
) -> None:
    """List the jobs of yours that were drawn, and what was found."""
    rows = list(islice(session.client.job_audit_list(page_size=min(limit, 200)), limit))
    columns = ["drawn (UTC)", "audit", "job", "model", "state", ">evidence (millionths)", "error"]
    session.show(rows, lambda: grid(None, columns, [_audit(row) for row in rows]))


@command(app, "failures", example="cux audit failures")
def audit_failures(session: Session) -> None:
    """List what refuted your provider's honesty, and how appeals stand."""
    rows = session.client.audit_failure_list()
    columns = ["failed (UTC)", "failure", "model", ">jobs", ">taken", ">credited", "appeal"]
    session.show(rows, lambda: grid(None, columns, [_failure(row) for row in rows]))


@command(app, "show", example="cux audit show flr_0197…")
def audit_show(session: Session, failure_id: FailureId) -> None:
    """Show one failure: its evidence, what was taken, and its appeal."""
    rows = session.client.audit_failure_list()
    found = next((row for row in rows if row.failure_id == failure_id), None)
    if found is None:
        raise UsageError(f"there is no failure {failure_id} of yours")
    _show(session, found)


@command(app, "appeal", example='cux audit appeal flr_0197… "The model was the one you list."')
def audit_appeal(
    session: Session, failure_id: FailureId, text: Annotated[str, typer.Argument(help="Why.")]
) -> None:
    """Appeal against a failure, once and within thirty days."""
    _show(session, session.client.appeal_open(failure_id, text))


def _audit(row: JobAuditView) -> list[str]:
    found = row.evidence_micro or "–"
    return [moment(row.drawn_at), row.audit_id, row.job_id, row.model, row.state, found, row.error]


def _failure(row: AuditFailureView) -> list[str]:
    taken = row.taken_nano_usd + row.earnings_taken_nano_usd
    return [
        moment(row.failed_at),
        row.failure_id,
        row.model,
        f"{row.jobs:,}",
        usd(taken),
        usd(row.credited_nano_usd),
        row.appeal or "–",
    ]


def _show(session: Session, row: AuditFailureView) -> None:
    pairs = [
        ("failure", row.failure_id),
        ("model", row.model),
        ("evidence", row.audit_id),
        ("jobs", f"{row.jobs:,}, since {moment(row.since)} UTC"),
        ("taken", f"{usd(row.taken_nano_usd)} of hold-back, {usd(row.earnings_taken_nano_usd)} of earnings"),
        ("buyers", f"charged {usd(row.charged_nano_usd)}, credited {usd(row.credited_nano_usd)}"),
        ("appeal", " · ".join(filter(None, [row.appeal, row.appeal_text])) or "–"),
        ("decision", row.decision or "–"),
    ]
    session.show(row, lambda: facts(None, pairs))
