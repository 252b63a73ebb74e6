"""What is known about accounts."""

from accounts.selectors.api_keys import KeyFacts, api_key_cached, api_key_find

__all__ = ["KeyFacts", "api_key_cached", "api_key_find"]
