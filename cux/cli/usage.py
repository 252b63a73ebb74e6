"""`cux usage` and `cux budget …`: what your jobs cost, and the most they may cost."""

from typing import Annotated, Any, Literal, get_args

import msgspec
import typer

from cux.cli.exits import UsageError
from cux.cli.figures import cu, moment, nano_usd, usd
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.wire.documents import BudgetPeriod, BudgetView, GroupBy, UsageRow

budgets = group("The most that jobs may cost in a day or a month (UTC). Orders do not count.")


def register(app: typer.Typer) -> None:
    """Add `usage` to the root."""
    command(app, "usage", example="cux usage --by model --by day --from 2026-11-01T00:00:00Z")(usage)


def usage(
    session: Session,
    start: Annotated[str | None, typer.Option("--from", help="From when; else the last 31 days.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Until before when.")] = None,
    by: Annotated[
        list[str] | None, typer.Option(help=f"Group by {', '.join(get_args(GroupBy))}; repeatable.")
    ] = None,
    file: Annotated[str | None, typer.Option("--format", help="csv or jsonl, on stdout.")] = None,
) -> None:
    """Show what settled jobs used and cost, one by one or in groups."""
    groups = _checked(by or [], list[GroupBy], "--by")
    if file is not None:
        kind = _checked(file, Literal["csv", "jsonl"], "--format")
        session.write_bytes(session.client.usage_export(kind, start=start, end=end, group_by=groups))
        return
    rows = session.client.usage_list(start=start, end=end, group_by=groups)
    names = groups or ["settled (UTC)", "job", "model", "tag"]
    columns = [*names, ">jobs", ">tokens in", ">tokens out", ">compute", ">charged"]
    session.show(rows, lambda: grid(None, columns, [_row(row, groups) for row in rows]))


@command(budgets, "list", example="cux budget list")
def budget_list(session: Session) -> None:
    """List the budgets with what is left of them."""
    rows = session.client.budget_list()
    columns = ["budget", "of", "each", ">limit", ">reserved", ">spent", ">left"]
    session.show(rows, lambda: grid(None, columns, [_budget(row) for row in rows]))


@command(budgets, "set", example="cux budget set month 25.00 --key key_0197…")
def budget_set(
    session: Session,
    window: Annotated[str, typer.Argument(help="day or month, in UTC.")],
    limit: Annotated[str, typer.Argument(help="The most, in dollars, such as 25.00.")],
    key: Annotated[str | None, typer.Option(help="Only jobs of this API key; else all.")] = None,
) -> None:
    """Set a budget; jobs that could exceed it are refused."""
    period = _checked(window, BudgetPeriod, "the window")
    made = session.client.budget_set(period, nano_usd(limit), key_id=key)
    names = ["budget", "of", "each", "limit", "reserved", "spent", "left"]
    session.show(made, lambda: facts(None, list(zip(names, _budget(made), strict=True))))


@command(budgets, "end", example="cux budget end bud_0197…")
def budget_end(
    session: Session, budget_id: Annotated[str, typer.Argument(help="The budget, such as bud_0197….")]
) -> None:
    """End a budget; running jobs go on."""
    ended = session.client.budget_end(budget_id)
    session.show_line(ended, f"{ended.budget_id} has ended")


def _row(row: UsageRow, groups: list[GroupBy]) -> list[str]:
    if groups:
        of_group = {"day": row.day, "key": row.key_id, "model": row.model, "tag": row.tag}
        names = [of_group[name] or "–" for name in groups]
    else:
        names = [moment(row.settled_at or ""), row.job_id or "", row.model or "", row.tag or "–"]
    return [
        *names,
        f"{row.jobs or 1:,}",
        f"{row.prompt_tokens:,}",
        f"{row.output_tokens:,}",
        cu(row.compute_ucu),
        usd(row.charged_nano_usd),
    ]


def _budget(row: BudgetView) -> list[str]:
    return [
        row.budget_id,
        row.key_id or "all jobs",
        row.window,
        usd(row.limit_nano_usd),
        usd(row.reserved_nano_usd),
        usd(row.spent_nano_usd),
        usd(row.left_nano_usd),
    ]


def _checked(value: Any, shape: Any, name: str) -> Any:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name}: {error}") from error
