"""`cux ledger head …`: keep the signed heads of the ledger's hash chain, and check them."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cux.cli.checks import Check
from cux.cli.exits import ExitCode, UsageError
from cux.cli.figures import moment
from cux.cli.key_files import decode_keys, read_keys
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.client.errors import NotFoundError
from cux.wire.ledger_head import SignedHead, head_is_signed, parse_head

app = group("The exchange's ledger, as anyone can check it.")
heads = group("Signed heads of the ledger's hash chain: who keeps one can prove a later change.")
app.add_typer(heads, name="head")


@command(heads, "show", example="cux ledger head show --save head.json")
def head_show(
    session: Session,
    save: Annotated[Path | None, typer.Option(help="Write it to this file, to compare it later.")] = None,
) -> None:
    """Show the newest head."""
    signed = session.client.ledger_head_get()
    if save is not None:
        save.write_bytes(msgspec.json.encode(signed))
        session.say(f"written to {save}")
    head = signed.head
    session.show(
        signed,
        lambda: facts(
            None,
            [
                ("height", f"{head.height:,}"),
                ("hash", head.hash),
                ("published", f"{moment(head.published_at)} UTC"),
                ("key", head.exchange_key_id),
            ],
        ),
    )


@command(heads, "list", example="cux ledger head list --limit 24")
def head_list(
    session: Session,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 24,
) -> None:
    """List the heads, newest first."""
    rows = [signed for signed, _ in zip(session.client.ledger_head_list(), range(limit), strict=False)]
    columns = ["published (UTC)", ">height", "hash"]
    session.show(
        rows,
        lambda: grid(
            None,
            columns,
            [[moment(one.head.published_at), f"{one.head.height:,}", one.head.hash] for one in rows],
        ),
    )


@command(heads, "verify", example="cux ledger head verify head.json --exchange-key exchange.pub")
def head_verify(
    session: Session,
    file: Annotated[Path, typer.Argument(help="What `cux ledger head show --save` wrote.")],
    exchange_key: Annotated[
        list[str] | None,
        typer.Option(help="A file or 64 hex digits; repeatable. Without it the exchange is asked."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: what is published today is not compared.")
    ] = False,
) -> None:
    """Check a head that you kept: its signature, and that the exchange still publishes the same.

    With --offline and a key this needs no exchange. Exit code 1 if a check fails: then you hold the proof.
    """
    signed = _read(file)
    keys = read_keys(exchange_key or []) or _listed_keys(session, signed, offline=offline)
    checks = [_signature(signed, keys), _still_published(session, signed, offline=offline)]
    valid = all(check.passed is not False for check in checks)
    if session.as_json:
        session.line(msgspec.json.encode({"valid": valid, "checks": checks}))
    else:
        marks = {True: "ok", False: "FAILED", None: "skipped"}
        session.table(
            facts(None, [(marks[check.passed], f"{check.name}: {check.detail}") for check in checks])
        )
        session.line("the head is valid" if valid else "the head is NOT valid")
    if not valid:
        raise typer.Exit(ExitCode.REFUSED)


def _read(file: Path) -> SignedHead:
    try:
        return parse_head(file.read_bytes())
    except (OSError, msgspec.ValidationError) as error:
        raise UsageError(f"{file} is no signed head: {error}") from error


def _listed_keys(session: Session, signed: SignedHead, *, offline: bool) -> dict[str, bytes]:
    if offline:
        raise UsageError("--offline needs --exchange-key")
    session.say(f"keys: as {session.client.access.url} lists them; pin them with --exchange-key")
    return decode_keys(session.client.key_list().exchange_keys_at(signed.head.published_at))


def _signature(signed: SignedHead, keys: dict[str, bytes]) -> Check:
    name, key = "exchange signature", signed.head.exchange_key_id
    if head_is_signed(signed, keys):
        return Check(name, True, f"height {signed.head.height}, key {key}")
    return Check(
        name, False, f"key {key} " + ("did not sign this" if key in keys else "is not the exchange's")
    )


def _still_published(session: Session, signed: SignedHead, *, offline: bool) -> Check:
    name = "published today"
    if offline:
        return Check(name, None, "nobody was asked")
    try:
        same = session.client.ledger_head_at(signed.head.height) == signed
    except NotFoundError:
        return Check(name, False, f"the exchange publishes no head of height {signed.head.height}")
    return Check(name, same, "the same" if same else f"another head of height {signed.head.height}")
