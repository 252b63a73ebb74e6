"""`cux ledger head …`: keep a head, and find out later that the exchange changed its mind."""

import json
from pathlib import Path

import msgspec
import pytest

from cux.wire.ledger_head import SignedHead, sign_head
from tests.unit.client.cli import run
from tests.unit.client.exchange import Script, ok, refused
from tests.unit.wire.builders import EXCHANGE_KEY, PROVIDER_KEY


def head(height: int = 7, byte: str = "ab") -> SignedHead:
    """Return a head that the exchange signed."""
    at = "2026-08-01T12:00:00.000000Z"
    return sign_head(height=height, hash=byte * 32, published_at=at, key=EXCHANGE_KEY)


PINNED = ("--exchange-key", EXCHANGE_KEY.public.hex())


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return a file with a head that was kept."""
    path = tmp_path / "head.json"
    path.write_bytes(msgspec.json.encode(head()))
    return path


def test_the_newest_head_is_shown_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    result = run(monkeypatch, Script(ok(head())), "ledger", "head", "show", "--save", str(file))
    assert result.exit_code == 0
    assert "ab" * 32 in result.stdout
    assert msgspec.json.decode(file.read_bytes(), type=SignedHead) == head()


def test_heads_are_listed_newest_first_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    page = {"data": [head(9), head(8), head(7)], "has_more": True, "next_cursor": "x"}
    result = run(monkeypatch, Script(ok(page)), "ledger", "head", "list", "--limit", "2", "--json")
    assert [row["head"]["height"] for row in json.loads(result.stdout)] == [9, 8]


def test_a_head_that_is_still_published_is_valid(monkeypatch: pytest.MonkeyPatch, kept: Path) -> None:
    script = Script(ok(head()))
    result = run(monkeypatch, script, "ledger", "head", "verify", str(kept), *PINNED)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "the head is valid")
    assert [request.url.path for request in script.requests] == ["/v1/ledger/heads/7"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ok(head(byte="cd")), "published today: another head of height 7"),
        (refused(404, "not_found"), "published today: the exchange publishes no head of height 7"),
    ],
    ids=["another", "none"],
)
def test_a_head_that_is_no_longer_published_is_a_proof(
    monkeypatch: pytest.MonkeyPatch, kept: Path, answer: object, said: str
) -> None:
    result = run(monkeypatch, Script(answer), "ledger", "head", "verify", str(kept), *PINNED)
    assert result.exit_code == 1
    assert said in result.stdout
    assert "the head is NOT valid" in result.stdout


def test_offline_only_the_signature_is_checked(monkeypatch: pytest.MonkeyPatch, kept: Path) -> None:
    words = ("ledger", "head", "verify", str(kept), "--offline")
    good = run(monkeypatch, Script(), *words, *PINNED, "--json")
    checks = json.loads(good.stdout)["checks"]
    assert (good.exit_code, [check["passed"] for check in checks]) == (0, [True, None])
    wrong = run(monkeypatch, Script(), *words, "--exchange-key", PROVIDER_KEY.public.hex())
    assert (wrong.exit_code, "is not the exchange's" in wrong.stdout) == (1, True)
    assert run(monkeypatch, Script(), *words).exit_code == 2  # whose key?


@pytest.mark.parametrize(
    ("until", "valid"), [("2026-08-01T12:00:00Z", True), ("2026-08-01T11:59:59Z", False)]
)
def test_a_head_of_a_retired_key_is_valid_if_it_was_signed_in_the_keys_time(
    monkeypatch: pytest.MonkeyPatch, kept: Path, until: str, valid: bool
) -> None:
    own = {"owner": "exchange", "key_id": PROVIDER_KEY.key_id, "public_key": PROVIDER_KEY.public.hex()}
    before = {"owner": "exchange", "key_id": EXCHANGE_KEY.key_id, "public_key": EXCHANGE_KEY.public.hex()}
    times = {"valid_from": "1970-01-01T00:00:00Z", "valid_until": until}
    listed = {"exchange": own, "providers": [], "retired": [before | times]}
    result = run(monkeypatch, Script(ok(listed), ok(head())), "ledger", "head", "verify", str(kept))
    assert (result.exit_code == 0, "is not the exchange's" in result.stdout) == (valid, not valid)


def test_what_is_no_head_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    file.write_text("{}")
    assert run(monkeypatch, Script(), "ledger", "head", "verify", str(file), *PINNED).exit_code == 2
