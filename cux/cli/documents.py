"""`cux invoice …`, `cux statement …`, `cux billing-profile …`: what is on paper about your money."""

from pathlib import Path
from typing import Annotated

import typer

from cux.cli.exits import UsageError
from cux.cli.figures import cu, moment, usd
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.wire.documents import BillingProfileView, DocumentView, MonthCharge

invoices = group("Invoices and credit notes.")
statements = group("What a month cost, and how your money moved.")
profile = group("Whom your tax documents are made out to.")

File = Annotated[Path | None, typer.Option("--out", help="The file; else named after the document.")]


@command(invoices, "list", example="cux invoice list")
def invoice_list(session: Session) -> None:
    """List invoices and credit notes, newest first."""
    rows = list(session.client.invoice_list())
    columns = ["number", "issued (UTC)", "what", "about", ">net", ">tax", ">total", "corrects"]
    session.show(rows, lambda: grid(None, columns, [_document(row) for row in rows]))


@command(invoices, "get", example="cux invoice get INV-2026-000042")
def invoice_get(session: Session, number: Annotated[str, typer.Argument(help="INV-… or CRN-….")]) -> None:
    """Show one invoice or credit note with its lines."""
    found = session.client.invoice_get(number)
    pairs = [(line.description, usd(line.amount_nano_usd)) for line in found.lines]
    pairs += [(found.tax_note, usd(found.tax_nano_usd)), ("total", usd(found.total_nano_usd))]
    session.show(found, lambda: facts(f"{found.number}, {moment(found.issued_at)} UTC", pairs))


@command(invoices, "pdf", example="cux invoice pdf INV-2026-000042")
def invoice_pdf(
    session: Session,
    number: Annotated[str, typer.Argument(help="INV-… or CRN-….")],
    out: File = None,
) -> None:
    """Save one invoice or credit note as PDF."""
    _save(session, session.client.invoice_pdf(number), out or Path(f"{number}.pdf"))


@command(statements, "get", example="cux statement get 2026-11")
def statement_get(
    session: Session, month: Annotated[str, typer.Argument(help="Such as 2026-11; UTC.")]
) -> None:
    """Show a month: charges by model, key and tag."""
    found = session.client.statement_get(month)
    columns = ["what", "model", "key", "tag", ">count", ">compute", ">fees", ">charged"]
    session.show(found, lambda: grid(None, columns, [_charge(line) for line in found.charges]))
    for line in found.money:
        session.say(f"{line.label}: {usd(line.amount_nano_usd)}")
    session.say(f"charged {usd(found.charged_nano_usd)}; balance {usd(found.closing_nano_usd)}")


@command(statements, "pdf", example="cux statement pdf 2026-11")
def statement_pdf(
    session: Session,
    month: Annotated[str, typer.Argument(help="Such as 2026-11; UTC.")],
    out: File = None,
) -> None:
    """Save a month's statement as PDF."""
    _save(session, session.client.statement_pdf(month), out or Path(f"statement-{month}.pdf"))


@command(profile, "show", example="cux billing-profile show")
def profile_show(session: Session) -> None:
    """Show whom your tax documents are made out to."""
    _show(session, session.client.billing_profile_get())


@command(
    profile,
    "set",
    example='cux billing-profile set "Beispiel GmbH" --line "Weg 1" --line "10115 Berlin" --country DE '
    "--email billing@example.com --vat-id DE123456789",
)
def profile_set(
    session: Session,
    legal_name: Annotated[str, typer.Argument(help="The name.")],
    line: Annotated[list[str], typer.Option(help="A line of the address; repeatable.")],
    country: Annotated[str, typer.Option(help="As in ISO 3166-1, such as DE.")],
    email: Annotated[str, typer.Option(help="Where to write about documents.")],
    vat_id: Annotated[str, typer.Option(help="With it you count as a business.")] = "",
) -> None:
    """Replace whom your tax documents are made out to; those already issued stay as they are."""
    _show(session, session.client.billing_profile_set(legal_name, line, country, email, vat_id=vat_id))


def _document(row: DocumentView) -> list[str]:
    return [
        row.number,
        moment(row.issued_at),
        row.kind.replace("_", " "),
        row.reason.replace("_", " "),
        usd(row.net_nano_usd),
        usd(row.tax_nano_usd),
        usd(row.total_nano_usd),
        row.corrects or "–",
    ]


def _charge(line: MonthCharge) -> list[str]:
    return [
        line.kind.replace("_", " "),
        line.model,
        line.key_id or "–",
        line.tag or "–",
        f"{line.count:,}",
        cu(line.compute_ucu),
        usd(line.fee_nano_usd),
        usd(line.charged_nano_usd),
    ]


def _show(session: Session, kept: BillingProfileView) -> None:
    pairs = [
        ("name", kept.legal_name),
        ("address", ", ".join(kept.address_lines)),
        ("country", kept.country),
        ("VAT id", kept.vat_id or "–"),
        ("email", kept.email),
    ]
    session.show(kept, lambda: facts(None, pairs))


def _save(session: Session, content: bytes, path: Path) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path} could not be written: {error.strerror}") from error
    session.show_line({"file": str(path), "bytes": len(content)}, str(path))
