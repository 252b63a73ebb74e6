"""Tables of accounts."""

from accounts.models.api_key import ApiKey
from accounts.models.organisation import Member, Organisation

__all__ = ["ApiKey", "Member", "Organisation"]
