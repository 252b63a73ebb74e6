"""Command line of the embedded servers: `python -m core.embedded start|stop|status|run|env`."""

import argparse
import shlex
import sys
from collections.abc import Callable

from core.embedded.environment import embedded_servers, load
from core.embedded.errors import EmbeddedError
from core.embedded.postgres import Postgres
from core.embedded.server import Server
from core.embedded.valkey import Valkey

_KINDS: dict[str, type[Server]] = {"postgres": Postgres, "valkey": Valkey}


def main() -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args()
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "start": _start,
        "stop": _stop,
        "status": _status,
        "run": _run,
        "env": _env,
    }
    try:
        return commands[options.command](options)
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core.embedded",
        description="PostgreSQL 18 and Valkey 9 from wheels, with data below one directory.",
        epilog="A server whose DATABASE_URL or BROKER_URL is set in the environment is left alone.",
    )
    parser.add_argument("--var", help="data directory (default: CUX_VAR, else var/ of the repository)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start", help="start both in the background and wait until they answer")
    commands.add_parser("stop", help="stop both cleanly")
    commands.add_parser("status", help="say which run; exit status 1 unless all do")
    commands.add_parser("env", help="print the settings, secrets included, as shell assignments")
    run = commands.add_parser("run", help="become one server, in the foreground, ending with the parent")
    run.add_argument("server", choices=sorted(_KINDS))
    return parser


def _start(options: argparse.Namespace) -> int:
    for server in embedded_servers(options.var):
        server.start(detached=True)
        _say(f"{server.name}: up, process {server.pid()}, data in {server.data_directory}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    for server in reversed(embedded_servers(options.var)):
        _say(f"{server.name}: {'stopped' if server.stop() else 'was not running'}")
    return 0


def _status(options: argparse.Namespace) -> int:
    ready = True
    for server in embedded_servers(options.var):
        pid = server.pid()
        answers = pid is not None and server.is_ready()
        ready &= answers
        state = "down" if pid is None else f"process {pid}, {'ready' if answers else 'not answering yet'}"
        _say(f"{server.name}: {state}")
    return 0 if ready else 1


def _run(options: argparse.Namespace) -> int:
    _KINDS[options.server](options.var).run()


def _env(options: argparse.Namespace) -> int:
    for name, value in load(options.var).items():
        _say(f"{name}={shlex.quote(value)}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
