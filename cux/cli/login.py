"""`cux login` and `cux version`."""

import sys
from typing import Annotated

import typer

from cux import __version__
from cux.cli.exits import UsageError
from cux.cli.root import command
from cux.cli.session import Session
from cux.client import Client, PermissionDeniedError
from cux.client.config import DEFAULT_PROFILE, Access, store_profile
from cux.wire import VERSION


def register(app: typer.Typer) -> None:
    """Add both to the root."""
    command(app, "login", example="cux login --url http://127.0.0.1:8000")(login)
    command(app, "version", example="cux version")(version)


def login(
    session: Session,
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read the API key from stdin instead of asking for it.")
    ] = False,
    name: Annotated[str, typer.Option("--as", help="Store it as this profile.")] = DEFAULT_PROFILE,
) -> None:
    """Check an API key and store it with the exchange's address, for your eyes only."""
    url = session.client.access.url
    key = sys.stdin.readline() if key_stdin else typer.prompt(f"API key for {url}", hide_input=True, err=True)
    key = key.strip()
    if not key:
        raise UsageError("an API key is needed, such as sk_live_…")
    with Client(url, key) as client:
        try:
            client.balance_get()
        except PermissionDeniedError:
            session.say("The key is valid; it may not read balances and orders.")
    path = store_profile(name, Access(url, key))
    session.say(f"Stored in {path} as profile `{name}`.")


def version(session: Session) -> None:
    """Show the versions of this program and of the wire protocol it speaks."""
    session.show_line({"cux": __version__, "wire": VERSION}, f"cux {__version__}, wire protocol {VERSION}")
