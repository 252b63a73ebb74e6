"""The root of the command line, and the decorator that makes a function one of its commands."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from cux.cli.exits import HANDLED, report
from cux.cli.session import Session, open_session

P = ParamSpec("P")

app = typer.Typer(
    name="cux",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Trade compute units and spend them on inference.",
    epilog="Exit codes: 0 done, 1 refused or a check failed, 2 wrong usage, 3 not signed in, 4 unreachable.",
)


def group(help: str) -> typer.Typer:
    """Return a group of commands that has a noun for a name."""
    return typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=help)


_PANEL = "Every command"
_SHARED: dict[str, Any] = {
    "as_json": Annotated[bool, typer.Option("--json", help="Print JSON on stdout.", rich_help_panel=_PANEL)],
    "explain": Annotated[
        bool,
        typer.Option("--explain", help="Show every HTTP request on stderr, as curl.", rich_help_panel=_PANEL),
    ],
    "no_color": Annotated[
        bool, typer.Option("--no-color", help="No colours; so does NO_COLOR.", rich_help_panel=_PANEL)
    ],
    "url": Annotated[
        str | None, typer.Option(help="The exchange's address; else CUX_URL.", rich_help_panel=_PANEL)
    ],
    "profile": Annotated[
        str | None,
        typer.Option(help="What `cux login` stored under this name.", rich_help_panel=_PANEL),
    ],
}


def command(
    parent: typer.Typer, name: str, *, example: str
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[Concatenate[Session, P], None]]:
    """Return a decorator that adds a function as the command `name`, with the options all commands share.

    The function gets an open `Session` first; the client's errors become exit codes.
    """

    def register(run: Callable[Concatenate[Session, P], None]) -> Callable[Concatenate[Session, P], None]:
        def wrapper(**arguments: Any) -> None:
            shared = {option: arguments.pop(option) for option in _SHARED}
            try:
                session = open_session(**shared)
                with session.client:
                    run(session, **arguments)  # type: ignore[call-arg]
            except HANDLED as error:
                raise report(error, as_json=shared["as_json"]) from None

        own = list(inspect.signature(run).parameters.values())[1:]
        added = [_keyword(option, kind) for option, kind in _SHARED.items()]
        wrapper.__signature__ = inspect.Signature(own + added)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {option.name: option.annotation for option in own + added}
        parent.command(name, help=inspect.getdoc(run), epilog=f"Example: {example}")(wrapper)
        return run

    return register


def _keyword(name: str, annotation: Any) -> inspect.Parameter:
    default = None if name in ("url", "profile") else False
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
