"""What is known about accounts."""

from accounts.keys import KeyFacts
from accounts.selectors.api_keys import (
    api_key_cached,
    api_key_find,
    api_key_list,
    api_keys_refresh,
    api_keys_refresh_due,
)
from accounts.selectors.members import member_of, session_organisation

__all__ = [
    "KeyFacts",
    "api_key_cached",
    "api_key_find",
    "api_key_list",
    "api_keys_refresh",
    "api_keys_refresh_due",
    "member_of",
    "session_organisation",
]
