"""`cux report`, `cux forget-content`, `cux operator reports` and bans: abuse, and what is kept."""

from collections.abc import Iterable
from typing import Annotated, Literal

import typer

from cux.cli import operator
from cux.cli.figures import moment
from cux.cli.root import command
from cux.cli.session import Session, grid
from cux.wire.abuse import AbuseReason, AbuseState, BanReach, BanView, OperatorAbuseReportView


def register(app: typer.Typer) -> None:
    """Add `report` and `forget-content` to the root."""
    command(app, "report", example="cux report wrong_answer --job job_0197…")(report)
    command(app, "forget-content", example='cux forget-content "Acme Ltd"')(forget_content)


def report(
    session: Session,
    reason: Annotated[AbuseReason, typer.Argument(help="What it is about.")],
    lease: Annotated[str | None, typer.Option(help="As a provider: the lease you were given.")] = None,
    job: Annotated[str | None, typer.Option(help="As a buyer: your job that a provider ran.")] = None,
    detail: Annotated[str, typer.Option(help="What operators should know.")] = "",
) -> None:
    """Report abuse: a job you were given, or the provider that ran one of yours."""
    done = session.client.abuse_report_create(reason, lease_id=lease, job_id=job, detail=detail)
    session.show_line(done, f"{done.abuse_report_id} is {done.state}")


def forget_content(
    session: Session,
    confirm: Annotated[str, typer.Argument(help="Your organisation's name, spelt as it is.")],
) -> None:
    """Erase all prompts and answers that are kept, for good. Bills and receipts stay."""
    done = session.client.content_forget(confirm)
    session.show_line(done, f"erased what was said and answered in {done.jobs:,} jobs")


@command(operator.app, "reports", example="cux operator reports")
def operator_reports(
    session: Session, state: Annotated[AbuseState, typer.Option(help="In which state.")] = "open"
) -> None:
    """List reports of abuse, newest first."""
    _reports(session, session.client.operator_abuse_report_list(state=state))


@command(operator.app, "decide", example='cux operator decide abu_0197… upheld "malware"')
def operator_decide(
    session: Session,
    abuse_report_id: Annotated[str, typer.Argument(help="The report, such as abu_0197….")],
    state: Annotated[Literal["dismissed", "upheld"], typer.Argument(help="What you decide.")],
    note: Annotated[str, typer.Argument(help="Why.")],
) -> None:
    """Dismiss or uphold a report. A ban is a step of its own."""
    _reports(session, [session.client.abuse_report_decide(abuse_report_id, state, note)])


@command(operator.app, "ban", example='cux operator ban org_0197… --reason "malware"')
def operator_ban(
    session: Session,
    organisation_id: Annotated[str, typer.Argument(help="The organisation, such as org_0197….")],
    reason: Annotated[str, typer.Option(help="Why.")],
    reach: Annotated[BanReach, typer.Option(help="From what.")] = "everything",
) -> None:
    """Shut an organisation out: its keys stop within a second, its orders are cancelled."""
    _bans(session, [session.client.ban_create(organisation_id, reach, reason)])


@command(operator.app, "bans", example="cux operator bans")
def operator_bans(session: Session) -> None:
    """List bans, those lifted too, newest first."""
    _bans(session, session.client.ban_list())


@command(operator.app, "lift", example="cux operator lift ban_0197…")
def operator_lift(
    session: Session, ban_id: Annotated[str, typer.Argument(help="The ban, such as ban_0197….")]
) -> None:
    """Let an organisation in again."""
    _bans(session, [session.client.ban_lift(ban_id)])


def _reports(session: Session, rows: Iterable[OperatorAbuseReportView]) -> None:
    listed = list(rows)
    columns = ["reported (UTC)", "report", "job", "by", "accused", "reason", "state", "detail"]
    session.show(
        listed,
        lambda: grid(
            None,
            columns,
            [
                [
                    moment(row.reported_at),
                    row.abuse_report_id,
                    row.job_id,
                    row.reporter_id,
                    row.accused_id,
                    row.reason,
                    row.state,
                    row.detail,
                ]
                for row in listed
            ],
        ),
    )


def _bans(session: Session, rows: Iterable[BanView]) -> None:
    listed = list(rows)
    columns = ["banned (UTC)", "ban", "organisation", "from", "reason", "by", "lifted (UTC)"]
    session.show(
        listed,
        lambda: grid(
            None,
            columns,
            [
                [
                    moment(row.banned_at),
                    row.ban_id,
                    row.organisation_id,
                    row.reach,
                    row.reason,
                    row.banned_by,
                    moment(row.lifted_at) if row.lifted_at else "",
                ]
                for row in listed
            ],
        ),
    )
