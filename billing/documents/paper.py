"""What stands on an invoice or a credit note: rows as the texts that the template shows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from billing.models import Document
from billing.rules.cents import cents_of_lines
from billing.rules.country_names import country_name
from core.ids import public_id
from core.money import NANO_PER_CENT, format_usd

_HEADINGS: Final = {Document.Kind.INVOICE: "Invoice", Document.Kind.CREDIT_NOTE: "Credit note"}
_PAID: Final = {
    Document.Reason.DEPOSIT: "Paid in full; nothing is owed.",
    Document.Reason.REFUND: "The amount refunded was sent back to the card.",
    Document.Reason.REFUND_RETURNED: "Paid in full; nothing is owed.",
    Document.Reason.UNDELIVERED: "The total was credited to the prepaid balance.",
    Document.Reason.OUTAGE: "The total was credited to the prepaid balance.",
    Document.Reason.GOODWILL: "The total was credited to the prepaid balance.",
}


def document_paper(document: Document) -> dict[str, Any]:
    """Return what the template `document` shows of a document and its lines."""
    heading = _HEADINGS[Document.Kind(document.kind)]
    tax, why = (_vat(document.tax_note), "") if document.tax_rate_ppm else ("Tax", document.tax_note)
    lines = list(document.lines.order_by("position"))
    return {
        "title": f"{heading} {document.number}",
        "heading": heading,
        "number": document.number,
        "to_label": "Billed to" if document.kind == Document.Kind.INVOICE else "Credited to",
        "seller": seller_lines(document.seller),
        "buyer": buyer_lines(document.buyer),
        "facts": [pair for pair in _facts(document) if pair[1]],
        "lines": [
            {
                "description": line.description,
                "detail": line.detail,
                "card_hash": line.card_hash,
                "amount": plain(line.amount_nano_usd),
            }
            for line in lines
            if line.amount_nano_usd > 0
        ],
        "totals": _totals(document, tax),
        "notes": [_PAID[Document.Reason(document.reason)], why],
        "footer": footer(document.seller),
    }


def _vat(note: str) -> str:
    """Return a tax note such as `USt. 19 % (DE)` so that who reads English knows it is VAT."""
    return note if note.startswith("VAT ") else f"VAT: {note}"


def _totals(document: Document, tax: str) -> list[list[str]]:
    """Return the sums; what was kept of a refund comes below the gross, since the tax is on what is above."""
    kept = document.fee_kept_nano_usd
    rows = [["Net", format_usd(document.taxed_nano_usd)], [tax, format_usd(document.tax_nano_usd)]]
    if kept:
        rows.append(["Gross", format_usd(document.total_nano_usd + kept)])
        rows.append(["Card fee kept by the card company, not refunded", format_usd(-kept).replace("-", "−")])
    to_card = kept and document.kind == Document.Kind.CREDIT_NOTE
    rows.append(["Refunded to the card" if to_card else "Total", format_usd(document.total_nano_usd)])
    return rows


def _facts(document: Document) -> list[tuple[str, str]]:
    return [
        ("Date", day(document.issued_at)),
        ("Corrects", document.corrects.number if document.corrects else ""),
        ("Payment", document.payment),
        ("Account", short_id(public_id("organisation", document.organisation_id))),
        ("Currency", "US dollars"),
    ]


def buyer_lines(buyer: Mapping[str, Any]) -> list[str]:
    """Return a buyer as the lines of an address."""
    vat = f"VAT id {buyer['vat_id']}" if buyer["vat_id"] else ""
    return [
        buyer["legal_name"],
        *(line for line in (*buyer["address_lines"], country_name(buyer["country"]), vat) if line),
    ]


def seller_lines(seller: Mapping[str, str]) -> list[str]:
    """Return the seller as the lines of an address."""
    lines = (
        *seller["address"].split("|"),
        country_name(seller["country"]),
        f"VAT id {seller['vat_id']}",
        seller["email"],
    )
    return [seller["name"], *lines]


def footer(seller: Mapping[str, str]) -> str:
    """Return what stands at the end of each page."""
    address = ", ".join(seller["address"].split("|"))
    return f"{seller['name']} · {address}, {country_name(seller['country'])} · VAT id {seller['vat_id']}"


def day(moment: datetime) -> str:
    """Return a day as people read it: `23 November 2026`."""
    return f"{moment.day} {moment:%B %Y}"


def plain(amount_nano_usd: int) -> str:
    """Return dollars without their sign, exactly: `-1.50`, with a true minus."""
    return format_usd(amount_nano_usd).replace("$", "").replace("-", "−")


def in_cents(amounts_nano_usd: Sequence[int]) -> list[str]:
    """Return amounts as dollars with two decimals that add up, by largest remainder."""
    return [plain(cents * NANO_PER_CENT) for cents in cents_of_lines(amounts_nano_usd)]


def short_id(text: str) -> str:
    """Return the ends of a long id."""
    return f"{text[:12]}…{text[-6:]}"
