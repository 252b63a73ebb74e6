"""A fresh second factor: each code once, wrong ones counted, nobody else's accepted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from django.db import connections, transaction

from accounts.models import Member, Organisation, SecondFactor
from accounts.services import member_create
from accounts.services.second_factor import (
    CLOSED_FOR,
    RECOVERY_CODES,
    WRONG_MAX,
    require_fresh,
    second_factor_begin,
    second_factor_confirm,
    second_factor_remove,
)
from accounts.services.second_factor_once import REPEATABLE_FOR, require_fresh_once
from core.errors import Code, CuxError
from tests import builders
from tests.database import is_waited_for
from tests.races import race
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("db")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(seconds=30)
LONG_AGO = "000000"


def owner_of(organisation: Organisation, role: Member.Role = Member.Role.OWNER) -> Member:
    name = builders.unique("person")
    return member_create(organisation_id=organisation.id, username=name, password="a-long-one", role=role)


def enrolled(member: Member) -> tuple[pyotp.TOTP, list[str]]:
    address = second_factor_begin(user=member.user)
    totp = pyotp.TOTP(parse_qs(urlsplit(address).query)["secret"][0])
    return totp, second_factor_confirm(user=member.user, code=totp.at(NOW), now=NOW)


def refused(organisation: Organisation, code: str | None, now: datetime = NOW) -> Code:
    with pytest.raises(CuxError) as caught:
        require_fresh(organisation_id=organisation.id, code=code, now=now)
    return caught.value.code


def test_a_code_is_good_once_and_a_step_to_either_side():
    organisation = builders.organisation()
    member = owner_of(organisation)
    totp, _ = enrolled(member)
    assert refused(organisation, totp.at(NOW)) is Code.SECOND_FACTOR_WRONG, "it confirmed the factor"
    later = NOW + 10 * STEP
    for code in (totp.at(later - STEP), totp.at(later), totp.at(later + STEP)):
        assert require_fresh(organisation_id=organisation.id, code=code, now=later) == member.user.pk
        assert refused(organisation, code, later) is Code.SECOND_FACTOR_WRONG
    assert refused(organisation, totp.at(later + 2 * STEP), later) is Code.SECOND_FACTOR_WRONG
    assert refused(organisation, totp.at(later - 2 * STEP), later) is Code.SECOND_FACTOR_WRONG


def test_without_a_factor_or_a_code_it_says_which_is_missing():
    organisation = builders.organisation()
    member = owner_of(organisation)
    assert refused(organisation, "123456") is Code.SECOND_FACTOR_MISSING
    second_factor_begin(user=member.user)
    assert refused(organisation, "123456") is Code.SECOND_FACTOR_MISSING, "it is not confirmed"
    totp, _ = enrolled(member)
    assert refused(organisation, None) is Code.SECOND_FACTOR_REQUIRED
    assert refused(builders.organisation(), totp.at(NOW + STEP)) is Code.SECOND_FACTOR_MISSING


def test_five_wrong_codes_close_it_for_a_quarter_of_an_hour():
    organisation = builders.organisation()
    totp, _ = enrolled(owner_of(organisation))
    for _ in range(WRONG_MAX):
        assert refused(organisation, LONG_AGO) is Code.SECOND_FACTOR_WRONG
    right = totp.at(NOW + STEP)
    assert refused(organisation, right) is Code.RATE_LIMITED
    later = NOW + CLOSED_FOR
    assert require_fresh(organisation_id=organisation.id, code=totp.at(later), now=later)
    assert SecondFactor.objects.get(user__memberships__organisation=organisation).wrong == 0


def test_a_right_code_forgives_the_wrong_ones():
    organisation = builders.organisation()
    totp, _ = enrolled(owner_of(organisation))
    for round in range(1, 4):
        for _ in range(WRONG_MAX - 1):
            assert refused(organisation, LONG_AGO) is Code.SECOND_FACTOR_WRONG
        now = NOW + round * STEP
        assert require_fresh(organisation_id=organisation.id, code=totp.at(now), now=now)


def test_any_owners_code_will_do_and_nobody_elses():
    organisation = builders.organisation()
    first, second = owner_of(organisation), owner_of(organisation)
    viewer = owner_of(organisation, Member.Role.VIEWER)
    enrolled(first)
    totp, _ = enrolled(second)
    seen, _ = enrolled(viewer)
    now = NOW + STEP
    assert refused(organisation, seen.at(now), now) is Code.SECOND_FACTOR_WRONG
    assert require_fresh(organisation_id=organisation.id, code=totp.at(now), now=now) == second.user.pk


def test_a_recovery_code_is_good_once():
    organisation = builders.organisation()
    _, codes = enrolled(owner_of(organisation))
    assert len(set(codes)) == RECOVERY_CODES
    require_fresh(organisation_id=organisation.id, code=f" {codes[3].upper()} ", now=NOW)
    assert refused(organisation, codes[3]) is Code.SECOND_FACTOR_WRONG
    require_fresh(organisation_id=organisation.id, code=codes[4], now=NOW)


def test_two_requests_at_once_cannot_use_the_same_code():
    organisation = builders.organisation()
    totp, _ = enrolled(owner_of(organisation))
    now = NOW + STEP

    def once(_: int) -> bool:
        try:
            return bool(require_fresh(organisation_id=organisation.id, code=totp.at(now), now=now))
        except CuxError:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(once, range(8))) == 1


def test_a_code_that_another_request_is_using_is_wrong():
    member = owner_of(builders.organisation())
    totp, _ = enrolled(member)
    now = NOW + STEP

    def use() -> Code | int:
        try:
            return require_fresh(organisation_id=member.organisation_id, code=totp.at(now), now=now)
        except CuxError as error:
            return error.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            SecondFactor.objects.filter(user=member.user).update(last_step=int(now.timestamp()) // 30)
            second = threads.submit(use)
            eventually(lambda: is_waited_for() or second.done())
        assert second.result() is Code.SECOND_FACTOR_WRONG


def test_it_is_replaced_only_with_a_code_of_its_own():
    organisation = builders.organisation()
    member = owner_of(organisation)
    totp, _ = enrolled(member)
    with pytest.raises(CuxError) as caught:
        second_factor_begin(user=member.user)
    assert caught.value.code is Code.SECOND_FACTOR_EXISTS
    with pytest.raises(CuxError) as caught:
        second_factor_remove(user=member.user, code=LONG_AGO, now=NOW)
    assert caught.value.code is Code.SECOND_FACTOR_WRONG
    second_factor_remove(user=member.user, code=totp.at(NOW + STEP), now=NOW)
    assert not SecondFactor.objects.filter(user=member.user).exists()


def test_a_factor_that_is_confirmed_while_another_begins_keeps_its_secret():
    member = owner_of(builders.organisation())
    second_factor_begin(user=member.user)
    secret = bytes(SecondFactor.objects.get(user=member.user).secret)

    def begin() -> Code | None:
        try:
            second_factor_begin(user=member.user)
        except CuxError as error:
            return error.code
        finally:
            connections.close_all()
        return None

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            SecondFactor.objects.filter(user=member.user).update(confirmed_at=NOW)
            begun = threads.submit(begin)
            eventually(lambda: is_waited_for() or begun.done())
        assert begun.result() is Code.SECOND_FACTOR_EXISTS
    assert bytes(SecondFactor.objects.get(user=member.user).secret) == secret


def test_a_first_factor_that_is_confirmed_while_another_begins_keeps_its_secret():
    member = owner_of(builders.organisation())
    factors = SecondFactor.objects.filter(user=member.user)

    def confirmed() -> bytes:
        second_factor_begin(user=member.user)
        factors.update(confirmed_at=NOW)
        return bytes(factors.get().secret)

    secret, second = race(confirmed, lambda: second_factor_begin(user=member.user))
    assert second is Code.SECOND_FACTOR_EXISTS
    assert bytes(factors.get().secret) == secret


def test_a_request_is_repeated_with_its_code_for_ten_minutes():
    organisation = builders.organisation()
    totp, _ = enrolled(owner_of(organisation))
    code = totp.at(NOW + STEP)

    def ask(after: timedelta, asked: bytes = b"a payout") -> None:
        now = NOW + STEP + after
        require_fresh_once(organisation_id=organisation.id, code=code, key="one", asked=asked, now=now)

    ask(timedelta())
    ask(REPEATABLE_FOR - STEP)
    for after, asked in ((STEP, b"another"), (REPEATABLE_FOR, b"a payout")):
        with pytest.raises(CuxError) as caught:
            ask(after, asked)
        assert caught.value.code is Code.SECOND_FACTOR_WRONG


def test_the_secret_is_not_readable_in_the_row():
    totp, _ = enrolled(owner_of(builders.organisation()))
    assert all(totp.secret.encode() not in bytes(row.secret) for row in SecondFactor.objects.all())
