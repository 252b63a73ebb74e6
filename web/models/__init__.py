"""Tables of the marketplace."""

from web.models.login_attempts import LoginAttempts

__all__ = ["LoginAttempts"]
