"""For whom a person who signed in acts."""

import uuid
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest

from accounts.models import Member, Organisation


def organisation_of(user: User | AnonymousUser) -> Organisation | None:
    """Return the organisation a person acts for (the first they joined), or None."""
    if isinstance(user, AnonymousUser) or not user.is_active:
        return None
    member = Member.objects.filter(user=user).select_related("organisation").order_by("id").first()
    return member.organisation if member is not None else None


def session_organisation(session_key: str) -> uuid.UUID | None:
    """Return the organisation of whoever holds this session cookie; None if it is not signed in."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    organisation = organisation_of(user) if isinstance(user, User | AnonymousUser) else None
    return organisation.id if organisation is not None else None
