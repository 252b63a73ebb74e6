"""`cux webhooks …`: where your organisation is told of events."""

from typing import Annotated

import typer

from cux.cli.figures import moment
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid

app = group("Addresses that are told of events. Changing them needs a key with the scope `keys`.")


@command(app, "list", example="cux webhooks list")
def webhook_list(session: Session) -> None:
    """List the addresses, newest first."""
    rows = session.client.webhook_list()
    columns = ["created (UTC)", "webhook", "address", "events"]
    cells = [[moment(row.created_at), row.webhook_id, row.url, ", ".join(row.types) or "all"] for row in rows]
    session.show(rows, lambda: grid(None, columns, cells))


@command(app, "create", example="cux webhooks create https://example.com/cux --type payout.paid")
def webhook_create(
    session: Session,
    address: Annotated[str, typer.Argument(help="The https address.")],
    type: Annotated[
        list[str] | None, typer.Option(help="An event to be told of; repeatable; all if none is named.")
    ] = None,
) -> None:
    """Have an address told of events. Its secret goes to stdout, this once."""
    made = session.client.webhook_create(address, types=type or [])
    session.say(f"{made.webhook_id} is told of {', '.join(made.types) or 'everything'}. This is shown once:")
    session.show_line(made, made.secret)


@command(app, "remove", example="cux webhooks remove whk_0197…")
def webhook_remove(
    session: Session, webhook_id: Annotated[str, typer.Argument(help="The webhook, such as whk_0197….")]
) -> None:
    """Tell an address nothing more."""
    gone = session.client.webhook_remove(webhook_id)
    removed = moment(gone.removed_at) if gone.removed_at is not None else "–"
    session.show(gone, lambda: facts(None, [("webhook", gone.webhook_id), ("removed", removed)]))


@command(app, "deliveries", example="cux webhooks deliveries")
def webhook_deliveries(session: Session) -> None:
    """List what was told, or is to be, newest first."""
    rows = session.client.webhook_delivery_list()
    columns = ["made (UTC)", "delivery", "event", ">attempts", "outcome", "next (UTC)"]
    cells = [
        [
            moment(row.created_at),
            row.delivery_id,
            row.type,
            str(row.attempts),
            row.outcome or "–",
            moment(row.next_at) if row.next_at is not None else "–",
        ]
        for row in rows
    ]
    session.show(rows, lambda: grid(None, columns, cells))


@command(app, "replay", example="cux webhooks replay dlv_0197…")
def webhook_replay(
    session: Session,
    delivery_id: Annotated[str, typer.Argument(help="The delivery, such as dlv_0197….")],
) -> None:
    """Have an event delivered once more."""
    row = session.client.webhook_replay(delivery_id)
    session.show(row, lambda: facts(None, [("delivery", row.delivery_id), ("event", row.type)]))
