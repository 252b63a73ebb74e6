"""Tables of inference: providers and their uptime, models, jobs, leases, receipts."""

from inference.models.abuse_report import AbuseReport
from inference.models.adaptive import AdaptiveRequest, Tranche
from inference.models.audit import (
    Audit,
    AuditDay,
    AuditFailure,
    AuditStanding,
    ReceiptHeadSet,
    ReputationEvent,
)
from inference.models.batch import Batch, BatchLine, StoredFile
from inference.models.catalogue import CatalogueModel
from inference.models.efficiency_result import EfficiencyResult
from inference.models.job import Job, Reservation
from inference.models.lease import Checkpoint, Lease
from inference.models.prefix import PrefixBlock
from inference.models.provider import Provider, ProviderModel, Uptime
from inference.models.receipt import Receipt
from inference.models.share import Share
from inference.models.standing import ServiceDay

__all__ = [
    "AbuseReport",
    "AdaptiveRequest",
    "Audit",
    "AuditDay",
    "AuditFailure",
    "AuditStanding",
    "Batch",
    "BatchLine",
    "CatalogueModel",
    "Checkpoint",
    "EfficiencyResult",
    "Job",
    "Lease",
    "PrefixBlock",
    "Provider",
    "ProviderModel",
    "Receipt",
    "ReceiptHeadSet",
    "ReputationEvent",
    "Reservation",
    "ServiceDay",
    "Share",
    "StoredFile",
    "Tranche",
    "Uptime",
]
