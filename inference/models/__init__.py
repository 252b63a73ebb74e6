"""Tables of inference: providers and their uptime, models, jobs, leases, receipts."""

from inference.models.catalogue import CatalogueModel
from inference.models.job import Job, Reservation
from inference.models.lease import Checkpoint, Lease
from inference.models.provider import Provider, ProviderModel, Uptime
from inference.models.receipt import Receipt

__all__ = [
    "CatalogueModel",
    "Checkpoint",
    "Job",
    "Lease",
    "Provider",
    "ProviderModel",
    "Receipt",
    "Reservation",
    "Uptime",
]
