"""What is known about accounts."""

from accounts.selectors.api_keys import KeyFacts, api_key_cached, api_key_find
from accounts.selectors.members import organisation_of, session_organisation

__all__ = ["KeyFacts", "api_key_cached", "api_key_find", "organisation_of", "session_organisation"]
