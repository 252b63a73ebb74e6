"""What must hold whenever the sequencer is up again."""

from io import StringIO

from django.core.management import call_command

from tests.crash.load import Findings, Load
from tests.crash.told import assert_told
from tests.sequencer_process import inspect

ENOUGH = 40
"""Answers without which a load has shown nothing."""


def check(load: Load) -> Findings:
    """Assert that everything that was answered stands, once, and that books, journal and ledger agree."""
    assert_consistent()
    findings = load.findings()
    assert findings.is_sound, findings
    assert findings.acknowledged >= ENOUGH
    assert_told(load.market)
    return findings


def assert_consistent() -> None:
    """Assert that memory is what the rows say, the books what the journal says, and the ledger sound."""
    hashes = inspect()
    assert hashes["state_hash"] == hashes["committed_state_hash"]
    call_command("exchange_replay", stdout=StringIO())
    ledger_is_sound()


def ledger_is_sound() -> None:
    """Assert that every invariant of the ledger holds."""
    out = StringIO()
    try:
        call_command("ledger_verify", stdout=out)
    except SystemExit:
        raise AssertionError(out.getvalue()) from None
