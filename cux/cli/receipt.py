"""`cux receipt …`: see a receipt, and check it with nothing but public keys."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec import UNSET

from cux.cli.checks import Check, check_heads, check_receipt
from cux.cli.exits import ExitCode, UsageError
from cux.cli.figures import cu, moment, usd
from cux.cli.key_files import decode_keys, read_card, read_keys
from cux.cli.root import command, group
from cux.cli.session import Session, facts
from cux.client.errors import NotFoundError
from cux.client.views import PublicKeys
from cux.wire.card import CardError, ComputeCard
from cux.wire.receipt import Attempt, Receipt
from cux.wire.receipt_heads import SignedReceiptHeads
from cux.wire.verification import ReceiptError, parse_receipt

app = group("Signed proof of what was delivered, metered and charged.")

Source = Annotated[str, typer.Argument(help="A receipt's file, or the job it is for.")]
KEY_HELP = "A file or 64 hex digits; repeatable. Without it the exchange is asked."


@command(app, "show", example="cux receipt show job_0197… --save receipt.json")
def receipt_show(
    session: Session,
    source: Source,
    save: Annotated[Path | None, typer.Option(help="Write the signed bytes to this file.")] = None,
) -> None:
    """Show a receipt; with --json exactly the bytes that were signed."""
    data = _read(session, source)
    if save is not None:
        save.write_bytes(data)
        session.say(f"{len(data)} bytes written to {save}")
    if session.as_json:
        session.write_bytes(data)
        return
    try:
        receipt = parse_receipt(data)
    except ReceiptError as error:
        raise UsageError(f"{source} is no receipt: {error}") from error
    session.table(facts(None, _facts(receipt)))


@command(app, "verify", example="cux receipt verify receipt.json --exchange-key x.pub --provider-key p.pub")
def receipt_verify(
    session: Session,
    source: Source,
    exchange_key: Annotated[list[str] | None, typer.Option(help="The exchange's. " + KEY_HELP)] = None,
    provider_key: Annotated[list[str] | None, typer.Option(help="The provider's. " + KEY_HELP)] = None,
    card: Annotated[
        Path | None, typer.Option(help="The compute card as JSON. Without it the exchange is asked.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: without --card the µCU are not recomputed.")
    ] = False,
    heads: Annotated[
        str | None,
        typer.Option(
            help="Signed heads of all chains to hold it against: a file, or `latest` of the exchange."
        ),
    ] = None,
    following: Annotated[
        list[Path] | None,
        typer.Option(
            "--next", help="The provider's next receipts, oldest first, up to its head; repeatable."
        ),
    ] = None,
) -> None:
    """Check a receipt: form, both signatures, figures, and the bill recomputed from the compute card.

    With --offline and both keys given this needs no exchange. With --heads also that the
    provider's chain, as the exchange published it, still holds the receipt. Exit code 1 if any check fails.
    """
    data = _read(session, source, offline=offline)
    exchange, providers = _keys(session, data, exchange_key, provider_key, offline=offline)
    found = read_card(card) if card is not None else None
    if found is None and not offline:
        found = _published_card(session, data)
    checks = check_receipt(data, exchange_keys=exchange, provider_keys=providers, card=found)
    if heads is not None:
        chain = [data, *(path.read_bytes() for path in following or [])]
        signed = _heads(session, heads, offline=offline)
        checks.append(check_heads(chain, signed, exchange_keys=exchange, provider_keys=providers))
    _print(session, checks)
    if any(check.passed is False for check in checks):
        raise typer.Exit(ExitCode.REFUSED)


def _heads(session: Session, source: str, *, offline: bool) -> SignedReceiptHeads:
    """Return signed heads from a file, or those that the exchange published last."""
    if source == "latest" and not offline:
        return session.client.receipt_heads_get()
    try:
        return msgspec.json.decode(Path(source).read_bytes(), type=SignedReceiptHeads)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{source} holds no signed heads: {error}") from error


def _print(session: Session, checks: list[Check]) -> None:
    valid = all(check.passed is not False for check in checks)
    if session.as_json:
        session.line(msgspec.json.encode({"valid": valid, "checks": checks}))
        return
    marks = {True: "ok", False: "FAILED", None: "skipped"}
    session.table(facts(None, [(marks[check.passed], f"{check.name}: {check.detail}") for check in checks]))
    session.line("the receipt is valid" if valid else "the receipt is NOT valid")


def _read(session: Session, source: str, *, offline: bool = False) -> bytes:
    path = Path(source)
    if path.is_file():
        return path.read_bytes()
    if offline or not source.startswith("job_"):
        raise UsageError(f"there is no file {source}" + ("" if offline else ", nor is it a job's id"))
    return session.client.receipt_get(source)


def _keys(
    session: Session,
    data: bytes,
    exchange: list[str] | None,
    providers: list[str] | None,
    *,
    offline: bool,
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return public keys by key id: those given, and for a side without any the exchange's own list."""
    if offline and not (exchange and providers):
        raise UsageError("--offline needs --exchange-key and --provider-key")
    own, others = read_keys(exchange or []), read_keys(providers or [])
    if own and others:
        return own, others
    listed = session.client.key_list()
    session.say(
        f"keys: as {session.client.access.url} lists them; pin them with --exchange-key, --provider-key"
    )
    return (
        own or decode_keys(_of_exchange(listed, data)),
        others or decode_keys([key.public_key for key in listed.providers]),
    )


def _of_exchange(listed: PublicKeys, data: bytes) -> list[str]:
    """Return the keys that the exchange may have signed a receipt with when it was settled."""
    try:
        return listed.exchange_keys_at(parse_receipt(data).body.settled_at)
    except ReceiptError:  # the checks say so
        return [listed.exchange.public_key]


def _published_card(session: Session, data: bytes) -> ComputeCard | None:
    """Return the card a receipt names as the exchange publishes it; its hash is checked later."""
    try:
        named = parse_receipt(data).body.statement.card_hash
        return session.client.card_get(named).compute_card()
    except (ReceiptError, CardError, NotFoundError):
        return None


def _attempt(one: Attempt) -> str:
    paid = "" if one.compute_ucu is UNSET else f", paid {cu(one.compute_ucu)}"
    return f"{one.provider_id} {one.outcome} ({one.output_tokens} tokens{paid})"


def _facts(receipt: Receipt) -> list[tuple[str, str]]:
    body, said = receipt.body, receipt.body.statement
    delivered = sum(one.output_tokens for one in body.attempts)
    return [
        ("job", said.job_id),
        ("model", f"{said.model} ({said.model_revision})"),
        ("provider", said.provider_id),
        (
            "tokens",
            f"{said.prompt_tokens} + {delivered}, {body.cached_tokens} of the prompt cached, free",
        ),
        ("ended", said.finish_reason),
        ("FLOPs", f"{body.prefill_flops:,} prefill + {body.decode_flops:,} decode"),
        ("used", f"{cu(body.compute_ucu)} of {cu(body.quote_ucu)} quoted"),
        ("charged", usd(body.charged_nano_usd)),
        ("attempts", ", ".join(map(_attempt, body.attempts))),
        ("settled", f"{moment(body.settled_at)} UTC"),
        ("card", said.card_hash),
        ("chain", f"number {body.provider_seq} of the provider, after {body.prev_hash}"),
        ("keys", f"exchange {body.exchange_key_id}, provider {body.provider_key_id}"),
    ]
