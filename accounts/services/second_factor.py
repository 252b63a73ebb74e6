"""A fresh code of an authenticator, asked for where money's way out is changed.

A code (TOTP, RFC 6238: six digits, half a minute, one step of tolerance either way) is good once, even for
two requests at the same instant. Five wrong ones in a row close the factor for a quarter of an hour.
"""

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

import pyotp
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Member, SecondFactor
from core.audit import Action, audit_note
from core.errors import Code, CuxError
from core.sealing import seal, unseal

WRONG_MAX: Final = 5
CLOSED_FOR: Final = timedelta(minutes=15)
RECOVERY_CODES: Final = 8
_STEP_S: Final = 30
_ISSUER: Final = "CUX"
_NOBODY: Final = uuid.UUID(int=0)


def second_factor_begin(*, user: User) -> str:
    """This function will draw a new secret and return the address that an authenticator reads (as QR code).

    It counts only when a code confirms it.

    Raises:
        CuxError: SECOND_FACTOR_EXISTS, a confirmed one has to be removed with a code of its own first.
    """
    secret = pyotp.random_base32()
    sealed = seal(organisation_id=_NOBODY, context=_context(user.pk), plain=secret.encode())
    with transaction.atomic():
        # The person's row first: where there is no factor yet, there is none to lock.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        begun = SecondFactor.objects.select_for_update().filter(user=user).first()
        if begun is not None and begun.confirmed_at is not None:
            raise CuxError(Code.SECOND_FACTOR_EXISTS)
        SecondFactor.objects.update_or_create(user=user, defaults={"secret": sealed, "last_step": 0})
    return pyotp.TOTP(secret).provisioning_uri(name=user.get_username(), issuer_name=_ISSUER)


def second_factor_confirm(*, user: User, code: str, now: datetime) -> list[str]:
    """This function will take the new secret into use, and return recovery codes, shown this once.

    Raises:
        CuxError: SECOND_FACTOR_MISSING, none was begun or it is in use already; SECOND_FACTOR_WRONG;
            RATE_LIMITED.
    """
    factors = SecondFactor.objects.filter(user=user, confirmed_at__isnull=True)
    recovery = [secrets.token_hex(5) for _ in range(RECOVERY_CODES)]
    _use(factors, code, now, confirm=[_digest(each) for each in recovery])
    return recovery


def second_factor_remove(*, user: User, code: str, now: datetime) -> None:
    """This function will remove a person's factor, with a fresh code of it. Raises as `require_fresh`."""
    confirmed = SecondFactor.objects.filter(user=user, confirmed_at__isnull=False)
    _use(confirmed, code, now)
    with transaction.atomic():
        confirmed.delete()
        audit_note(Action.FACTOR_REMOVED, _person(user.pk), actor=_person(user.pk))


def require_fresh(*, organisation_id: uuid.UUID, code: str | None, now: datetime) -> int:
    """This function will use up a code of any owner of the organisation, and return the owner's user id.

    A recovery code will do as well, once. Not inside a transaction: a wrong code has to be counted whatever
    becomes of the request.

    Raises:
        CuxError: SECOND_FACTOR_MISSING, no owner has set one up; SECOND_FACTOR_REQUIRED, no code was given;
            SECOND_FACTOR_WRONG, it is none of theirs, or was used before; RATE_LIMITED, too many were wrong.
    """
    owners = Member.objects.filter(organisation_id=organisation_id, role=Member.Role.OWNER)
    confirmed = SecondFactor.objects.filter(user__in=owners.values("user"), confirmed_at__isnull=False)
    return _use(confirmed, code, now)


def _use(
    factors: QuerySet[SecondFactor], code: str | None, now: datetime, confirm: list[bytes] | None = None
) -> int:
    """Find whose code it is and use it up, or count it as wrong for all; return the user's id."""
    with transaction.atomic(durable=True):
        rows = list(factors.order_by("user_id").select_for_update())
        if not rows:
            raise CuxError(Code.SECOND_FACTOR_MISSING)
        if not code:
            raise CuxError(Code.SECOND_FACTOR_REQUIRED)
        open_rows = [row for row in rows if not _is_closed(row, now)]
        if not open_rows:
            raise CuxError(Code.RATE_LIMITED, retry_after_s=int(CLOSED_FOR.total_seconds()))
        for row in open_rows:
            if _accept(row, code.strip().lower(), now):
                if confirm is not None:
                    row.confirmed_at, row.recovery_sha256 = now, confirm
                    audit_note(Action.FACTOR_CONFIRMED, _person(row.user_id), actor=_person(row.user_id))
                row.save()
                return int(row.user_id)
        for row in open_rows:
            row.wrong, row.wrong_at = row.wrong % WRONG_MAX + 1, now
            row.save(update_fields=["wrong", "wrong_at"])
            if row.wrong == WRONG_MAX:
                audit_note(Action.FACTOR_CLOSED, _person(row.user_id))
    raise CuxError(Code.SECOND_FACTOR_WRONG)


def _is_closed(row: SecondFactor, now: datetime) -> bool:
    return row.wrong >= WRONG_MAX and row.wrong_at is not None and now - row.wrong_at < CLOSED_FOR


def _accept(row: SecondFactor, code: str, now: datetime) -> bool:
    """Tell whether the code is good, and mark it as used."""
    opened = unseal(organisation_id=_NOBODY, context=_context(row.user_id), sealed=bytes(row.secret))
    totp = pyotp.TOTP(opened.decode())
    step = int(now.timestamp()) // _STEP_S
    for candidate in (step - 1, step, step + 1):
        if candidate > row.last_step and compare_digest(totp.generate_otp(candidate), code):
            row.last_step, row.wrong = candidate, 0
            return True
    spent = _digest(code)
    left = [bytes(each) for each in row.recovery_sha256]
    if spent in left:
        left.remove(spent)
        row.recovery_sha256, row.wrong = left, 0
        return True
    return False


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def _person(user_id: int) -> str:
    return f"user:{user_id}"


def _context(user_id: int) -> str:
    return f"totp:{user_id}"
