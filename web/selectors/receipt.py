"""A job's receipt as its owner reads it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from core.exchange_key import exchange_keys_at
from cux.wire.orders import JobView
from cux.wire.receipt import Receipt, receipt_hash
from cux.wire.signing import key_id
from cux.wire.verification import ReceiptError, parse_receipt, verify_receipt
from inference.models import Provider
from inference.selectors.jobs import job_get, receipt_get
from inference.selectors.providers import provider_keys


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """A job with its receipt, the name of who delivered it, and whether both signatures verify."""

    job: JobView
    receipt: Receipt
    provider: str
    hash: str
    raw: str
    verifies: bool


def receipt_page(*, organisation_id: uuid.UUID, job_id: uuid.UUID) -> ReceiptPage:
    """Return the receipt of one of the organisation's jobs.

    Raises:
        CuxError: UNKNOWN_JOB, or NOT_FOUND as long as the job has no receipt.
    """
    document = receipt_get(organisation_id=organisation_id, job_id=job_id)
    provider = Provider.objects.filter(receipts__job_id=job_id).first()
    return ReceiptPage(
        job=job_get(organisation_id=organisation_id, job_id=job_id),
        receipt=parse_receipt(document),
        provider=provider.name if provider else "",
        hash=receipt_hash(document),
        raw=document.decode(),
        verifies=_verifies(document),
    )


def _verifies(document: bytes) -> bool:
    settled_at = datetime.fromisoformat(parse_receipt(document).body.settled_at)
    keys = [bytes.fromhex(public) for _, public in provider_keys()]
    try:
        verify_receipt(
            document,
            exchange_keys=exchange_keys_at(settled_at),
            provider_keys={key_id(public): public for public in keys},
        )
    except ReceiptError:
        return False
    return True
