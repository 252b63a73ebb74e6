"""`cux operator money …`: money moved by hand, by two operators."""

from itertools import islice
from typing import Annotated

import typer

from cux.cli.figures import moment, nano_usd, usd
from cux.cli.order import Key
from cux.cli.root import command, group
from cux.cli.session import Session, grid
from cux.wire.oversight import Bearer, MoneyActionKind, MoneyActionView

app = group("Money moved by hand: one operator proposes, another approves within a day.")


@command(app, "list", example="cux operator money list")
def money_list(session: Session, limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50) -> None:
    """List what was proposed, newest first."""
    _show(session, list(islice(session.client.money_action_list(page_size=min(limit, 200)), limit)))


@command(
    app,
    "propose",
    example='cux operator money propose goodwill --to org_0197… --usd 5 --from fee_income --reason "outage"',
)
def money_propose(
    session: Session,
    kind: Annotated[MoneyActionKind, typer.Argument(help="What to do.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    to: Annotated[str | None, typer.Option(help="The organisation, such as org_0197….")] = None,
    amount: Annotated[str | None, typer.Option("--usd", help="Dollars.")] = None,
    source: Annotated[Bearer | None, typer.Option("--from", help="The house account that bears it.")] = None,
    hold: Annotated[str | None, typer.Option(help="The hold to release, such as hld_0197….")] = None,
    payout: Annotated[str | None, typer.Option(help="The payout, such as pyo_0197….")] = None,
    transfer: Annotated[
        str | None, typer.Option(help="Stripe's transfer of a payout that a restore lost, such as tr_1….")
    ] = None,
    idempotency_key: Key = None,
) -> None:
    """Propose something; nothing moves until another operator approves it."""
    made = session.client.money_action_propose(
        kind,
        reason,
        organisation_id=to,
        amount_nano_usd=nano_usd(amount) if amount is not None else None,
        source=source,
        hold_id=hold,
        payout_id=payout,
        transfer_id=transfer,
        idempotency_key=idempotency_key,
    )
    _show(session, [made])


@command(app, "approve", example="cux operator money approve mon_0197…")
def money_approve(
    session: Session,
    money_action_id: Annotated[str, typer.Argument(help="The proposal, such as mon_0197….")],
) -> None:
    """Do what another operator proposed."""
    _show(session, [session.client.money_action_approve(money_action_id)])


def _show(session: Session, rows: list[MoneyActionView]) -> None:
    columns = ["proposed (UTC)", "proposal", "kind", "status", ">amount", "of", "reason"]
    cells = [
        [
            moment(row.proposed_at),
            row.money_action_id,
            row.kind,
            row.status,
            usd(row.amount_nano_usd),
            row.hold_id or row.payout_id or row.organisation_id or "",
            row.reason,
        ]
        for row in rows
    ]
    session.show(rows, lambda: grid(None, columns, cells))
