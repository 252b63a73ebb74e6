"""`cux balance` and `cux entitlement list`: what you have."""

from typing import Annotated

import typer

from cux.cli.figures import cu, moment, usd
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid

entitlements = group("Compute you bought and may draw.")


def register(app: typer.Typer) -> None:
    """Add `balance` to the root."""
    command(app, "balance", example="cux balance")(balance)


def balance(session: Session) -> None:
    """Show your money."""
    own = session.client.balance_get()
    session.show(
        own,
        lambda: facts(
            None,
            [
                ("available", usd(own.available_nano_usd)),
                ("held for open orders", usd(own.held_nano_usd)),
                ("posted", usd(own.posted_nano_usd)),
                ("arriving", usd(own.arriving_nano_usd)),
                ("earnings", usd(own.earnings_nano_usd)),
                ("held back", usd(own.hold_back_nano_usd)),
            ],
        ),
    )


@command(entitlements, "list", example="cux entitlement list --live")
def entitlement_list(
    session: Session,
    live_only: Annotated[bool, typer.Option("--live", help="Only what can be drawn now.")] = False,
) -> None:
    """List your compute, live first, first to expire first."""
    rows = session.client.entitlement_list(live_only=live_only)
    columns = ["entitlement", "class", "delivery", ">bought", ">left", ">reserved", "expires (UTC)", "status"]
    session.show(
        rows,
        lambda: grid(
            None,
            columns,
            [
                [
                    row.entitlement_id,
                    row.compute_class,
                    row.delivery,
                    cu(row.quantity_ucu),
                    cu(row.available_ucu),
                    cu(row.reserved_ucu),
                    moment(row.expires_at),
                    row.status,
                ]
                for row in rows
            ],
        ),
    )
