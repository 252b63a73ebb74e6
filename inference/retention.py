"""How long prompts and answers are kept once a job has ended: a part of its compute class."""

from datetime import timedelta
from typing import Final

from core.retention import Retention
from inference.selectors.prefixes import PREFIX_KEPT

KEPT: Final = {"none": timedelta(0), "24h": timedelta(hours=24), "30d": timedelta(days=30)}
"""By the class's retention. What is not kept at all goes in the transaction that ends the job."""

RETENTIONS: Final = (
    Retention("inference_prefixblock", PREFIX_KEPT, "true", since="settled_at"),
    Retention("inference_storedfile", timedelta(0), "true", since="expires_at"),
)
