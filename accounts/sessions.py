"""Sessions in the database, under keys that its texts can hold."""

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions


class SessionStore(DatabaseSessions):
    """Django's own, which would ask PostgreSQL for whatever a cookie says, a NUL included."""

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and key.isascii() and key.isalnum() and super()._validate_session_key(key)
