"""Sessions in the database, under keys that its texts can hold."""

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions


class SessionStore(DatabaseSessions):
    """Django's own, which would ask PostgreSQL for whatever a cookie says, a NUL included."""

    def __init__(self, session_key: str | None = None) -> None:
        """Open the session of a key; one that cannot be ours opens a new one."""
        is_ours = session_key is not None and session_key.isascii() and session_key.isalnum()
        super().__init__(session_key if is_ours else None)
