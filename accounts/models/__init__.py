"""Tables of accounts."""

from accounts.models.api_key import ApiKey
from accounts.models.ban import Ban
from accounts.models.organisation import Member, Organisation
from accounts.models.second_factor import SecondFactor
from accounts.models.webhook import WebhookDelivery, WebhookEndpoint, WebhookReplays

__all__ = [
    "ApiKey",
    "Ban",
    "Member",
    "Organisation",
    "SecondFactor",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookReplays",
]
