"""The invoice of a deposit, and the credit notes of its refunds."""

from datetime import datetime
from typing import Final

from billing.models import Deposit, Document, Refund
from billing.rules.tax import Tax
from billing.services.document_issue import Line, document_issue

_FEE_KEPT: Final = "Card fee kept by the card company, not refunded"


def deposit_invoice(*, deposit: Deposit, entry_key: str, now: datetime) -> Document:
    """This function will issue the invoice of a deposit that was paid, in the transaction that credits it."""
    return document_issue(
        kind=Document.Kind.INVOICE,
        reason=Document.Reason.DEPOSIT,
        organisation_id=deposit.organisation_id,
        entry_key=entry_key,
        lines=[Line("Prepaid balance for compute and the exchange's services", deposit.amount_nano_usd)],
        tax=Tax(deposit.tax_rate_ppm, deposit.tax_nano_usd, deposit.tax_note),
        now=now,
        buyer=deposit.billed_to,
        payment=_card(deposit),
    )


def refund_credit_note(*, refund: Refund, entry_key: str, now: datetime) -> Document:
    """This function will issue the credit note of a refund, in the transaction that posts it.

    It corrects the deposit's invoice: with the same tax rate, and made out to the same buyer.
    """
    invoice = (
        Document.objects.filter(entry_id=refund.deposit.entry.key).first() if refund.deposit.entry else None
    )
    return document_issue(
        kind=Document.Kind.CREDIT_NOTE,
        reason=Document.Reason.REFUND,
        organisation_id=refund.organisation_id,
        entry_key=entry_key,
        lines=[
            Line("Unspent balance returned", refund.amount_nano_usd),
            Line(_FEE_KEPT, -refund.fee_nano_usd),
        ],
        tax=Tax(refund.deposit.tax_rate_ppm, refund.tax_nano_usd, refund.deposit.tax_note),
        now=now,
        buyer=refund.deposit.billed_to,
        payment=_card(refund.deposit),
        corrects=invoice,
    )


def refund_returned_invoice(*, refund: Refund, entry_key: str, now: datetime) -> Document:
    """This function will invoice again what a bank sent back: it undoes the refund's credit note."""
    undone = Document.objects.filter(entry_id=refund.entry.key).first() if refund.entry else None
    return document_issue(
        kind=Document.Kind.INVOICE,
        reason=Document.Reason.REFUND_RETURNED,
        organisation_id=refund.organisation_id,
        entry_key=entry_key,
        lines=[
            Line("Refund that the bank sent back", refund.amount_nano_usd),
            Line(_FEE_KEPT, -refund.fee_nano_usd),
        ],
        tax=Tax(refund.deposit.tax_rate_ppm, refund.tax_nano_usd, refund.deposit.tax_note),
        now=now,
        buyer=refund.deposit.billed_to,
        payment=_card(refund.deposit),
        corrects=undone,
    )


def _card(deposit: Deposit) -> str:
    return f"{deposit.card_brand.title()} ending in {deposit.card_last4}" if deposit.card_last4 else "Card"
