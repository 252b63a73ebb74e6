"""What stands on a month's statement, as data and as the texts that its template shows."""

import re
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings

from billing.documents.paper import buyer_lines, day, footer, in_cents, plain, seller_lines, short_id
from billing.documents.render import render_pdf
from billing.selectors.monthly import ChargeLine, Monthly, monthly_statement
from billing.services.document_issue import buyer_of
from core.clock import rfc3339
from core.errors import Code, CuxError
from core.ids import public_id
from core.money import format_usd
from cux.wire.documents import MoneyMoved, MonthCharge, StatementView

_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])\Z", re.ASCII)
_UCU_PER_CU: Final = 1_000_000


def month_start(text: str, now: datetime) -> datetime:
    """Return when a month such as `2026-11` begins. Raises CuxError NOT_FOUND for none, or one to come."""
    if _MONTH.match(text) and text >= "2000":
        start = datetime(int(text[:4]), int(text[5:]), 1, tzinfo=UTC)
        if start <= now:
            return start
    raise CuxError(Code.NOT_FOUND, "There is no statement for that; ask for a month such as 2026-11.")


def statement_view(*, organisation_id: uuid.UUID, month: str, now: datetime) -> StatementView:
    """Return an organisation's statement as the API shows it. Raises as `month_start`."""
    found = monthly_statement(organisation_id=organisation_id, start=month_start(month, now))
    return StatementView(
        month=month,
        start=rfc3339(found.start),
        end=rfc3339(found.end),
        is_final=found.end <= now,
        charges=[
            MonthCharge(
                kind=line.kind,  # type: ignore[arg-type]
                model=line.model,
                card_hash=line.card_hash,
                key_id=public_id("key", line.api_key_id) if line.api_key_id else None,
                tag=line.tag,
                count=line.count,
                prompt_tokens=line.prompt_tokens,
                cached_tokens=line.cached_tokens,
                output_tokens=line.output_tokens,
                compute_ucu=line.compute_ucu,
                escrow_nano_usd=line.escrow_nano_usd,
                fee_nano_usd=line.fee_nano_usd,
                charged_nano_usd=line.charged_nano_usd,
            )
            for line in found.charges
        ],
        escrow_nano_usd=found.escrow_nano_usd,
        fee_nano_usd=found.fee_nano_usd,
        charged_nano_usd=found.escrow_nano_usd + found.fee_nano_usd,
        opening_nano_usd=found.opening_nano_usd,
        money=[
            MoneyMoved(entry_kind=line.entry_kind, label=line.label, amount_nano_usd=line.amount_nano_usd)
            for line in found.money
        ],
        closing_nano_usd=found.closing_nano_usd,
    )


def statement_pdf(*, organisation_id: uuid.UUID, month: str, now: datetime) -> bytes:
    """Return an organisation's statement as PDF; that of a month that is over has the same bytes every time.

    It is made out to whom the billing profile names now. Raises as `month_start`.
    """
    found = monthly_statement(organisation_id=organisation_id, start=month_start(month, now))
    return render_pdf("statement", _paper(found, month, now), issued_at=min(found.end, now))


def _paper(found: Monthly, month: str, now: datetime) -> dict[str, Any]:
    is_final = found.end <= now
    fees = in_cents([line.fee_nano_usd for line in found.charges])
    charged = in_cents([line.charged_nano_usd for line in found.charges])
    until = "" if is_final else f" Preliminary: the month is not over; as of {day(now)}, {now:%H:%M} UTC."
    return {
        "title": f"Statement {month}",
        "heading": "Statement",
        "number": month,
        "seller": seller_lines(settings.SELLER),
        "buyer": buyer_lines(buyer_of(found.organisation_id)),
        "facts": [
            ["Month", f"{found.start:%B %Y}"],
            ["Account", short_id(public_id("organisation", found.organisation_id))],
            ["Currency", "US dollars"],
        ],
        "charges_note": "Settled jobs by model, API key and tag; compute that expired unused (take-or-pay)."
        + until,
        "charges": [
            {
                **_charge(line),
                "fees": fees[at],
                "fees_exact": plain(line.fee_nano_usd),
                "charged": charged[at],
                "exact": plain(line.charged_nano_usd),
            }
            for at, line in enumerate(found.charges)
        ],
        "charge_totals": [
            ["To providers", format_usd(found.escrow_nano_usd)],
            ["Fees", format_usd(found.fee_nano_usd)],
            ["Charged", format_usd(found.escrow_nano_usd + found.fee_nano_usd)],
        ],
        "cards": [list(pair) for pair in sorted({(line.model, line.card_hash) for line in found.charges})],
        "money_note": "All money of the account, by the time of booking. Compute is paid for when bought.",
        "money": [[line.label, plain(line.amount_nano_usd)] for line in found.money],
        "money_totals": [
            ["Balance at the beginning", format_usd(found.opening_nano_usd)],
            ["Movements", format_usd(found.closing_nano_usd - found.opening_nano_usd)],
            ["Balance at the end", format_usd(found.closing_nano_usd)],
        ],
        "notes": [
            "Lines are shown in cents that add up (largest remainder), exact below; totals are exact.",
            "This statement is no invoice: tax documents are issued when money is paid in or returned.",
        ],
        "footer": footer(settings.SELLER),
    }


def _charge(line: ChargeLine) -> dict[str, str]:
    if line.kind == "take_or_pay":
        return {
            "what": line.model,
            "detail": "expired unused (take-or-pay)",
            "jobs": "–",
            "tokens": "–",
            "compute": _cu(line.compute_ucu),
        }
    key = short_id(public_id("key", line.api_key_id)) if line.api_key_id else "without a key"
    return {
        "what": line.model,
        "detail": f"{key} · {line.tag}" if line.tag else key,
        "jobs": f"{line.count:,}",
        "tokens": f"{line.prompt_tokens:,} / {line.output_tokens:,}",
        "compute": _cu(line.compute_ucu),
    }


def _cu(compute_ucu: int) -> str:
    whole, micro = divmod(compute_ucu, _UCU_PER_CU)
    return f"{whole:,}.{micro:06d} CU"
