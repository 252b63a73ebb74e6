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
from accounts.selectors.second_factors import SecondFactorView, has_second_factor, second_factor_of

__all__ = [
    "KeyFacts",
    "SecondFactorView",
    "api_key_cached",
    "api_key_find",
    "api_key_list",
    "api_keys_refresh",
    "api_keys_refresh_due",
    "has_second_factor",
    "member_of",
    "second_factor_of",
    "session_organisation",
]
