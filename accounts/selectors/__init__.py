"""What is known about accounts."""

from accounts.selectors.api_keys import KeyFacts, api_key_cached, api_key_find
from accounts.selectors.members import member_of, session_organisation

__all__ = ["KeyFacts", "api_key_cached", "api_key_find", "member_of", "session_organisation"]
