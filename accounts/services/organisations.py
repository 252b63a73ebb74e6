"""Organisations and the people in them."""

import uuid

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from accounts.models import Member, Organisation
from core.errors import Code, CuxError


def organisation_create(*, name: str, slug: str, is_house: bool = False) -> Organisation:
    """This function will make an organisation, the house if asked.

    Raises:
        CuxError: INVALID_FIELD, the slug is taken, or there is a house already.
    """
    try:
        with transaction.atomic():
            return Organisation.objects.create(name=name, slug=slug, is_house=is_house)
    except IntegrityError as taken:
        raise CuxError(
            Code.INVALID_FIELD, f"There is an organisation {slug!r} already.", param="slug"
        ) from taken


def member_create(
    *, organisation_id: uuid.UUID, username: str, password: str, role: Member.Role = Member.Role.OWNER
) -> Member:
    """This function will make a person who can sign in and act for the organisation.

    Raises:
        CuxError: INVALID_FIELD, the user name is taken.
    """
    users: type[User] = get_user_model()
    try:
        with transaction.atomic():
            user = users.objects.create_user(username=username, password=password)
            return Member.objects.create(organisation_id=organisation_id, user=user, role=role)
    except IntegrityError as taken:
        raise CuxError(
            Code.INVALID_FIELD, f"There is a user {username!r} already.", param="username"
        ) from taken
