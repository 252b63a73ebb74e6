"""Operators' pages: reports of abuse and appeals are seen with their evidence, and decided by operators."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import Member
from core.clock import utc_now
from core.ids import new_id, public_id
from core.models import AuditRecord
from inference.models import AbuseReport, Audit, AuditFailure
from tests import builders
from tests.integration.inference.audits import settle
from tests.integration.inference.scene import Scene, make_scene

ClientOf = Callable[..., Client]
HTML = {"HTTP_ACCEPT": "text/html"}
Role = Member.Role


@pytest.fixture
def scene(db: None, tmp_path: Path) -> Scene:
    """Return a market with one provider."""
    return make_scene(tmp_path)


@pytest.fixture
def report(scene: Scene) -> AbuseReport:
    """Return an open report of a job's provider."""
    job = settle(scene, now=utc_now())
    accused = scene.agents[0].organisation_id
    return AbuseReport.objects.create(
        job=job, reporter=scene.buyer, accused_id=accused, reason="privacy", detail="<b>it kept it</b>"
    )


@pytest.fixture
def failure(report: AbuseReport, scene: Scene) -> AuditFailure:
    """Return a failure whose appeal is open."""
    now, provider = utc_now(), scene.agents[0].provider
    audit = Audit.objects.create(
        job=report.job,
        provider=provider,
        model=scene.model,
        state="done",
        share_ppm=1,
        drawn_at=now,
        done_at=now,
        score={"gap": 4711},
        evidence_micro=20_000_000,
    )
    return AuditFailure.objects.create(
        provider=provider,
        model=scene.model,
        audit=audit,
        since=now,
        failed_at=now,
        tier_before="L1",
        jobs=3,
        taken_nano_usd=0,
        earnings_taken_nano_usd=0,
        charged_nano_usd=0,
        credited_nano_usd=0,
        appeal="open",
        appeal_text="Our engine is patched.",
        appealed_at=now,
    )


def of_report(report: AbuseReport) -> str:
    return f"/operator/reports/{public_id('abuse_report', report.id)}"


def of_failure(failure: AuditFailure) -> str:
    return f"/operator/failures/{public_id('failure', failure.id)}"


def test_every_page_is_for_operators_alone(
    report: AbuseReport, failure: AuditFailure, client_of: ClientOf
) -> None:
    house, stranger = builders.house(), builders.organisation("stranger")
    everyone = {
        "nobody": (Client(SERVER_NAME="127.0.0.1"), 302),
        "another's owner": (client_of(stranger), 403),
        "the house's trader": (client_of(house, Role.TRADER), 403),
        "the house's viewer": (client_of(house, Role.VIEWER), 403),
    }
    paths = ("/operator/reports", "/operator/audits", of_report(report), of_failure(failure))
    for who, (client, status) in everyone.items():
        for path in paths:
            ask = client.get if path in paths[:2] else client.post
            data = {"state": "upheld", "verdict": "rejected", "decision": "no"}
            assert ask(path, data, **HTML).status_code == status, (who, path)
    report.refresh_from_db()
    failure.refresh_from_db()
    assert (report.state, failure.appeal) == ("open", "open")
    assert 'href="/operator/reports"' not in everyone["another's owner"][0].get("/docs").text


def test_a_report_is_read_and_decided_once(report: AbuseReport, client_of: ClientOf) -> None:
    client = client_of(builders.house())
    shown = client.get("/operator/reports").text
    assert "&lt;b&gt;it kept it&lt;/b&gt;" in shown
    assert 'href="/operator/reports"' in shown
    done = client.post(of_report(report), {"state": "upheld", "note": "seen"}, follow=True)
    assert "The report is upheld." in done.text
    client.post(of_report(report), {"state": "dismissed"})
    report.refresh_from_db()
    assert (report.state, report.note, report.decided_by != "") == ("upheld", "seen", True)
    assert AuditRecord.objects.filter(subject=public_id("abuse_report", report.id)).count() == 1
    assert of_report(report) not in client.get("/operator/reports").text
    assert "seen" in client.get("/operator/reports?state=upheld").text
    assert client.get("/operator/reports?state=x", **HTML).status_code == 404
    unknown = f"/operator/reports/{public_id('abuse_report', new_id())}"
    assert client.post(unknown, {"state": "upheld"}, **HTML).status_code == 404


def test_an_appeal_is_decided_with_its_evidence_in_view(failure: AuditFailure, client_of: ClientOf) -> None:
    client = client_of(builders.house())
    path = f"/operator/audits?provider={public_id('provider', failure.provider_id)}"
    shown = client.get(path).text
    assert all(text in shown for text in ("4711", "20000000", "Our engine is patched."))
    client.post(of_failure(failure), {"verdict": "rejected", "decision": " "})
    failure.refresh_from_db()
    assert failure.appeal == "open"
    done = client.post(of_failure(failure), {"verdict": "rejected", "decision": "It is not."}, follow=True)
    assert "The appeal is rejected." in done.text
    client.post(of_failure(failure), {"verdict": "upheld", "decision": "again"})
    failure.refresh_from_db()
    assert (failure.appeal, failure.decision) == ("rejected", "It is not.")
    assert client.get("/operator/audits?provider=x", **HTML).status_code == 404
