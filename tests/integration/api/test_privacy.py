"""Forgetting, reports and bans over REST: what each refuses, and what it answers."""

from collections.abc import Callable
from typing import Any

import httpx

from accounts.models import Ban, Organisation
from core.data_keys import seal_token_ids
from core.errors import Code
from core.ids import new_id, public_id
from core.models import DataKey
from tests import builders
from tests.integration.api.conftest import bearer
from tests.integration.api.test_errors import assert_error


def test_content_is_forgotten_for_who_spells_the_name(
    http: httpx.Client, buyer: Organisation, key_of: Callable[..., Any]
) -> None:
    seal_token_ids(organisation_id=buyer.id, context="prompt:1", ids=[1])
    key = bearer(key_of(buyer, "keys").secret)
    wrong = http.post("/v1/content/forget", json={"confirm": "x"}, headers=key)
    assert_error(wrong, Code.CONFIRMATION_WRONG, "confirm")
    assert DataKey.objects.filter(organisation_id=buyer.id).exists()
    done = http.post("/v1/content/forget", json={"confirm": buyer.name}, headers=key)
    assert (done.status_code, done.json()) == (200, {"jobs": 0})
    assert not DataKey.objects.filter(organisation_id=buyer.id).exists()


def test_a_report_names_a_lease_or_a_job_of_one_s_own_side(
    http: httpx.Client, buyer: Organisation, key_of: Callable[..., Any]
) -> None:
    infers, provides = (bearer(key_of(buyer, scope).secret) for scope in ("infer", "provide"))
    lease, job = public_id("lease", new_id()), public_id("job", new_id())
    for body, code in (
        ({"reason": "other"}, Code.INVALID_FIELD),
        ({"reason": "other", "lease_id": lease, "job_id": job}, Code.INVALID_FIELD),
        ({"reason": "other", "lease_id": lease}, Code.MISSING_SCOPE),
        ({"reason": "other", "job_id": job}, Code.NOT_FOUND),
    ):
        answer = http.post("/v1/abuse-reports", json=body, headers=infers)
        assert answer.json()["error"]["code"] == code.wire, answer.text
    answer = http.post("/v1/abuse-reports", json={"reason": "other", "lease_id": lease}, headers=provides)
    assert answer.json()["error"]["code"] == Code.NOT_FOUND.wire
    assert http.get("/v1/abuse-reports", headers=infers).json() == {"data": []}


def test_an_operator_bans_and_lifts_and_the_key_follows(
    exchange: httpx.Client, buyer: Organisation, key_of: Callable[..., Any]
) -> None:
    operator = bearer(key_of(builders.house(), "operate").secret)
    body = {
        "organisation_id": public_id("organisation", buyer.id),
        "reach": "everything",
        "reason": "malware",
    }
    made = exchange.post("/v1/operator/bans", json=body, headers=operator)
    assert made.status_code == 200, made.text
    assert (made.json()["reason"], made.json()["lifted_at"]) == ("malware", None)
    key = bearer(key_of(buyer, "read").secret)
    assert_error(exchange.get("/v1/balances", headers=key), Code.INVALID_API_KEY)
    lifted = exchange.post(f"/v1/operator/bans/{made.json()['ban_id']}/lift", headers=operator)
    assert lifted.json()["lifted_at"] is not None
    assert exchange.get("/v1/balances", headers=key).status_code == 200
    assert Ban.objects.filter(organisation=buyer, lifted_at=None).count() == 0
