"""`cux order batch`: many orders, cancellations and replacements from a file; `cux dead-man`."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cux.cli import order
from cux.cli.exits import ExitCode, UsageError
from cux.cli.figures import moment
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.client.calls import account
from cux.wire.batches import Batch, BatchItem, BatchResult, DeadManView

dead_man = group("Cancel all your orders unless you say otherwise in time.")


@command(order.app, "batch", example="cux order batch orders.json")
def order_batch(
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(help='JSON: a list of items, each with "op" new, cancel or replace; - is stdin.'),
    ],
    idempotency_key: order.Key = None,
    dry_run: order.DryRun = False,
) -> None:
    """Have up to 200 orders, cancellations and replacements decided in turn, each with its own result.

    Exit code 1 if any of them was refused.
    """
    items = _items(sys.stdin.buffer.read() if str(file) == "-" else _content(file))
    call = account.order_batch(items, idempotency_key=idempotency_key)
    if dry_run:
        order.show_request(session, call, [f"{len(items)} items"])
        return
    done = session.client.send(call)
    rows = [
        [f"{number}", _op(item), *_said(result)]
        for number, (item, result) in enumerate(zip(items, done.results, strict=True), start=1)
    ]
    session.show(done, lambda: grid(None, [">item", "op", ">status", "result", "order"], rows))
    refused = sum(result.status >= 400 for result in done.results)
    session.say(f"{len(items) - refused} done, {refused} refused")
    if refused:
        raise typer.Exit(ExitCode.REFUSED)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} could not be read: {error.strerror}") from error


def _items(content: bytes) -> list[BatchItem]:
    is_list = content.lstrip().startswith(b"[")
    try:
        if is_list:
            content = b'{"items":' + content + b"}"
        return msgspec.json.decode(content, type=Batch).items
    except msgspec.DecodeError as error:
        raise UsageError(f"these are no items of a batch: {error}") from error


def _op(item: BatchItem) -> str:
    return str(item.__struct_config__.tag)


def _said(result: BatchResult) -> list[str]:
    error = result.body.get("error")
    if error is not None:
        return [f"{result.status}", f"{error['message']} ({error['code']})", "–"]
    order = result.body
    said = f"{order['status']}, {order['leaves_lots']:,} of {order['quantity_lots']:,} lots open"
    return [f"{result.status}", said, order["order_id"]]


@command(dead_man, "set", example="cux dead-man set 60")
def dead_man_set(
    session: Session,
    seconds: Annotated[
        int, typer.Argument(min=0, max=86_400, help="Within how long to say it again; 0: off.")
    ],
    idempotency_key: order.Key = None,
) -> None:
    """Have all open orders cancelled unless this is said again in time; 0 switches it off."""
    _show(session, session.client.dead_man_set(seconds, idempotency_key=idempotency_key))


@command(dead_man, "show", example="cux dead-man show")
def dead_man_show(session: Session) -> None:
    """Show when all open orders will be cancelled."""
    _show(session, session.client.dead_man_get())


def _show(session: Session, switch: DeadManView) -> None:
    when = (
        f"in {switch.timeout_s} s, at {moment(switch.expires_at)} UTC" if switch.expires_at else "never: off"
    )
    session.show(switch, lambda: facts(None, [("all orders are cancelled", when)]))
