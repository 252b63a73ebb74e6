"""`cux keys …`: the API keys of your organisation."""

from typing import Annotated, get_args

import msgspec
import typer

from cux.cli.exits import UsageError
from cux.cli.figures import moment
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.wire.keys import ApiKeyView, Scope

app = group("The API keys of your organisation. Changing them needs a key with the scope `keys`.")


@command(app, "list", example="cux keys list")
def key_list(session: Session) -> None:
    """List the keys, newest first, without their secrets."""
    rows = session.client.api_key_list()
    columns = [
        "created (UTC)",
        "key",
        "name",
        "begins",
        "scopes",
        "from",
        ">orders",
        "until (UTC)",
        "revoked",
        "used (UTC)",
    ]
    session.show(rows, lambda: grid(None, columns, [_row(row) for row in rows]))


@command(app, "create", example="cux keys create bot --scope read --scope trade --orders 50")
def key_create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str], typer.Option(help=f"What it may do: {', '.join(get_args(Scope))}; repeatable.")
    ],
    expires_at: Annotated[str | None, typer.Option(help="Until when, such as 2026-11-23T08:00:00Z.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="From where: an address or a network (CIDR); repeatable.")
    ] = None,
    orders: Annotated[
        int | None, typer.Option(min=1, help="Orders it may place at once, and again in every window.")
    ] = None,
    window: Annotated[int, typer.Option(min=1, max=86_400, help="The window, in seconds.")] = 1,
) -> None:
    """Make a key that can do no more than yours. Its secret goes to stdout, this once."""
    try:
        scopes = msgspec.convert(scope, list[Scope])
    except msgspec.ValidationError as error:
        raise UsageError(f"--scope is one of {', '.join(get_args(Scope))}") from error
    made = session.client.api_key_create(
        name,
        scopes,
        expires_at=expires_at,
        allowed_networks=network or [],
        order_limit=orders,
        order_window_s=window,
    )
    session.say(f"{made.key_id} may {', '.join(made.scopes)}. This is shown once:")
    session.show_line(made, made.secret)


@command(app, "revoke", example="cux keys revoke key_0197…")
def key_revoke(
    session: Session, key_id: Annotated[str, typer.Argument(help="The key, such as key_0197….")]
) -> None:
    """End a key for good, everywhere within a second."""
    ended = session.client.api_key_revoke(key_id)
    session.show(ended, lambda: facts(None, [("key", ended.key_id), ("revoked", _when(ended.revoked_at))]))


def _row(row: ApiKeyView) -> list[str]:
    return [
        moment(row.created_at),
        row.key_id,
        row.name,
        f"{row.prefix}…",
        ", ".join(row.scopes),
        ", ".join(row.allowed_networks) or "anywhere",
        f"{row.order_limit:,} per {row.order_window_s} s",
        _when(row.expires_at),
        _when(row.revoked_at),
        _when(row.last_used_at),
    ]


def _when(instant: str | None) -> str:
    return moment(instant) if instant is not None else "–"
