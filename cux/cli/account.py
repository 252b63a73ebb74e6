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


def balance(
    session: Session,
    as_of: Annotated[
        str | None, typer.Option(help="What was booked until then, such as 2026-11-23T08:00:00Z.")
    ] = None,
) -> None:
    """Show your money, now or as it was."""
    own = session.client.balance_get(as_of=as_of)
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


@command(entitlements, "sell", example="cux entitlement sell ent_0197… --lots 5 --price 2100")
def entitlement_sell(
    session: Session,
    entitlement_id: Annotated[str, typer.Argument(help="The entitlement, such as ent_0197….")],
    lots: Annotated[int, typer.Option("--lots", min=1, help="How many whole lots of it.")],
    price: Annotated[int, typer.Option("--price", help="At least so many ticks per lot.")],
    expires_at: Annotated[
        str | None, typer.Option(help="Until when; five minutes before its end at most.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Repeat a command under the same key: it is done once.")
    ] = None,
) -> None:
    """Offer compute for resale; what is not sold comes back when the offer ends or is cancelled."""
    order = session.client.entitlement_sell(
        entitlement_id,
        price_ticks=price,
        quantity_lots=lots,
        expires_at=expires_at,
        idempotency_key=idempotency_key,
    )
    said = f"{order.order_id}: {order.leaves_lots:,} lots offered at {price:,} ticks"
    session.show_line(order, said)
