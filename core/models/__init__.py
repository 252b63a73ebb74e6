"""Tables of the core."""

from core.models.audit import AuditRecord
from core.models.data_key import DataKey
from core.models.idempotency import IdempotentResponse
from core.models.outbox import OutboxMessage

__all__ = ["AuditRecord", "DataKey", "IdempotentResponse", "OutboxMessage"]
