"""For whom a person who signed in acts."""

import uuid
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest

from accounts.models import Member


def member_of(user: User | AnonymousUser) -> Member | None:
    """Return the membership by which a person acts (the first they got), or None."""
    if isinstance(user, AnonymousUser) or not user.is_active:
        return None
    return Member.objects.filter(user=user).select_related("organisation").order_by("id").first()


def session_organisation(session_key: str) -> uuid.UUID | None:
    """Return the organisation of whoever holds this session cookie; None if it is not signed in."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    member = member_of(user) if isinstance(user, User | AnonymousUser) else None
    return member.organisation_id if member is not None else None
