"""What may be done to accounts: make organisations, members and keys, and revoke keys."""

from accounts.services.api_key_delegate import api_key_delegate
from accounts.services.api_keys import IssuedKey, api_key_create, api_key_revoke
from accounts.services.organisations import member_create, organisation_create

__all__ = [
    "IssuedKey",
    "api_key_create",
    "api_key_delegate",
    "api_key_revoke",
    "member_create",
    "organisation_create",
]
