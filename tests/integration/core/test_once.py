"""What a key did once is not done again."""

import uuid

import pytest
from django.db import transaction

from core.errors import Code, CuxError
from core.idempotency import once
from core.models import IdempotentResponse
from tests.races import race

BODY, OTHER = b"a" * 32, b"b" * 32


def test_the_same_key_and_body_give_the_first_answer(db):
    who = uuid.uuid4()
    assert once(organisation_id=who, key="k", body_sha256=BODY, action=lambda: {"n": 1}) == ({"n": 1}, False)
    again = once(organisation_id=who, key="k", body_sha256=BODY, action=lambda: pytest.fail("ran again"))
    assert again == ({"n": 1}, True)


def test_another_body_under_the_key_is_refused_and_not_run(db):
    who = uuid.uuid4()
    once(organisation_id=who, key="k", body_sha256=BODY, action=lambda: {"n": 1})
    with pytest.raises(CuxError) as refused:
        once(organisation_id=who, key="k", body_sha256=OTHER, action=lambda: pytest.fail("ran"))
    assert refused.value.code is Code.IDEMPOTENCY_KEY_REUSED


def test_keys_of_two_organisations_are_two_keys(db):
    for number in (1, 2):
        answer = {"n": number}
        made = once(organisation_id=uuid.uuid4(), key="k", body_sha256=BODY, action=answer.copy)
        assert made == (answer, False)


def test_without_a_key_it_runs_every_time(db):
    who = uuid.uuid4()
    for _ in range(2):
        assert once(organisation_id=who, key=None, body_sha256=BODY, action=dict)[1] is False
    assert not IdempotentResponse.objects.filter(organisation_id=who).exists()


def test_a_refused_action_leaves_the_key_free(db):
    who = uuid.uuid4()

    def refuse():
        raise CuxError(Code.INSUFFICIENT_ENTITLEMENT)

    with pytest.raises(CuxError):
        once(organisation_id=who, key="k", body_sha256=BODY, action=refuse)
    assert once(organisation_id=who, key="k", body_sha256=OTHER, action=lambda: {"n": 1}) == ({"n": 1}, False)


def test_two_at_once_run_it_once(db):
    who = uuid.uuid4()

    def ask(action):
        return lambda: once(organisation_id=who, key="k", body_sha256=BODY, action=action)

    answers = race(ask(lambda: {"n": 1}), ask(lambda: pytest.fail("ran again")))
    assert answers == (({"n": 1}, False), ({"n": 1}, True))


def test_it_is_part_of_the_transaction_around_it(db):
    who = uuid.uuid4()

    def undone() -> None:
        with transaction.atomic():
            once(organisation_id=who, key="k", body_sha256=BODY, action=lambda: {"n": 1})
            raise LookupError

    with pytest.raises(LookupError):
        undone()
    assert not IdempotentResponse.objects.filter(organisation_id=who).exists()
