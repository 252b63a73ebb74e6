"""`cux receipt verify`: with nothing but public keys, offline, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cux.wire import receipt
from cux.wire.receipt_heads import ReceiptHead, sign_receipt_heads
from cux.wire.signing import SigningKey
from tests.environment import ROOT
from tests.unit.client.cli import run
from tests.unit.client.exchange import Script, ok, refused
from tests.unit.wire.builders import EXCHANGE_KEY, PROVIDER_KEY, SMOLLM2, receipt_file

DATA = receipt_file()
KEYS = ("--exchange-key", EXCHANGE_KEY.public.hex(), "--provider-key", PROVIDER_KEY.public.hex())
OFFLINE = (*KEYS, "--offline")
LISTED = {
    "exchange": {
        "owner": "exchange",
        "key_id": EXCHANGE_KEY.key_id,
        "public_key": EXCHANGE_KEY.public.hex(),
    },
    "providers": [
        {"owner": "p", "key_id": PROVIDER_KEY.key_id, "public_key": PROVIDER_KEY.public.hex()},
    ],
}
PUBLISHED = {
    "model": SMOLLM2.model,
    "compute_class": "c",
    "card_hash": SMOLLM2.card_hash,
    "card": SMOLLM2.to_payload(),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with a good receipt."""
    path = tmp_path / "receipt.json"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Return a file with the receipt's compute card."""
    path = tmp_path / "card.json"
    path.write_bytes(msgspec.json.encode(SMOLLM2.to_payload()))
    return path


def test_a_separate_process_without_network_verifies_a_file(tmp_path: Path, file: Path, card: Path) -> None:
    keys = []
    for name, public in (("exchange", EXCHANGE_KEY.public), ("provider", PROVIDER_KEY.public)):
        (tmp_path / name).write_text(public.hex() + "\n")
        keys += [f"--{name}-key", str(tmp_path / name)]
    command = [sys.executable, "-m", "cux", "receipt", "verify", str(file), *keys, "--card", str(card)]
    done = subprocess.run(
        [*command, "--offline"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CUX_URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split()[:2] for line in done.stdout.splitlines()]
    names = [["ok", "form:"], ["ok", "exchange"], ["ok", "provider"], ["ok", "attempts:"], ["ok", "figures:"]]
    assert lines == [*names, ["ok", "bill:"], ["the", "receipt"]]
    assert done.stdout.endswith("the receipt is valid\n")


def test_every_flipped_byte_is_found(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    for at in range(0, len(DATA), 61):
        file.write_bytes(DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :])
        result = run(monkeypatch, Script(), "receipt", "verify", str(file), *OFFLINE)
        assert result.exit_code == 1, f"byte {at}"
        assert "the receipt is NOT valid" in result.stdout


def test_the_check_that_fails_is_named_and_those_after_it_are_not_made(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    flipped = DATA.replace(b'"charged_nano_usd":9300000', b'"charged_nano_usd":9300001')
    file.write_bytes(flipped)
    result = run(monkeypatch, Script(), "receipt", "verify", str(file), *OFFLINE, "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["valid"] is False
    assert [(check["name"], check["passed"]) for check in said["checks"]] == [
        ("form", True),
        ("exchange signature", False),
        ("provider signature", None),
        ("attempts", None),
        ("figures", None),
        ("bill", None),
    ]
    assert "exchange_signature" in said["checks"][1]["detail"]


def test_a_bill_that_the_card_does_not_give_fails(
    monkeypatch: pytest.MonkeyPatch, file: Path, card: Path
) -> None:
    file.write_bytes(receipt_file(compute_ucu=466))
    without = run(monkeypatch, Script(), "receipt", "verify", str(file), *OFFLINE)
    assert (without.exit_code, "skipped" in without.stdout) == (0, True)
    result = run(monkeypatch, Script(), "receipt", "verify", str(file), *OFFLINE, "--card", str(card))
    assert result.exit_code == 1
    assert "the card gives 465 µCU" in result.stdout


def test_keys_and_card_are_asked_of_the_exchange_where_none_are_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    from_exchange = Script(receipt_answer(), ok(LISTED), ok(PUBLISHED))
    result = run(monkeypatch, from_exchange, "receipt", "verify", "job_1")
    assert (result.exit_code, "bill: 465 µCU" in result.stdout) == (0, True)
    assert [request.url.path for request in from_exchange.requests] == [
        "/v1/receipts/job_1",
        "/v1/keys",
        f"/v1/compute-cards/{SMOLLM2.card_hash}",
    ]


def receipt_answer() -> object:
    return ok(msgspec.Raw(DATA))


def test_a_pinned_key_goes_before_what_the_exchange_says(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    script = Script(ok(LISTED), refused(404, "not_found"))
    pinned = ("--exchange-key", PROVIDER_KEY.public.hex())
    result = run(monkeypatch, script, "receipt", "verify", str(file), *pinned)
    assert result.exit_code == 1
    assert "unknown_exchange_key" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("receipt.json", "--offline"),
        ("receipt.json", "--exchange-key", "00", *KEYS[2:], "--offline"),
        ("nowhere.json", *OFFLINE),
        ("receipt.json", *OFFLINE, "--card", "nowhere.json"),
    ],
)
def test_what_cannot_be_checked_at_all_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, file: Path, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(file.parent)
    script = Script()
    assert run(monkeypatch, script, "receipt", "verify", *arguments).exit_code == 2
    assert script.requests == []


def test_a_saved_receipt_has_exactly_the_signed_bytes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.json"
    script = Script(receipt_answer(), receipt_answer())
    shown = run(monkeypatch, script, "receipt", "show", "job_1", "--save", str(saved))
    assert "$0.0093" in shown.stdout
    assert saved.read_bytes() == DATA
    assert run(monkeypatch, script, "receipt", "show", "job_1", "--json").stdout_bytes == DATA
    assert receipt.receipt_hash(DATA) == receipt.receipt_hash(saved.read_bytes())


CHAIN = [DATA, receipt_file(provider_seq=2, prev_hash=receipt.receipt_hash(DATA))]
SOON, LATER = "2000-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("head", "at", "key", "nexts", "passed"),
    [
        (0, LATER, EXCHANGE_KEY, 0, True),
        (1, LATER, EXCHANGE_KEY, 1, True),
        (1, LATER, EXCHANGE_KEY, 0, None),
        (None, SOON, EXCHANGE_KEY, 0, None),
        (None, LATER, EXCHANGE_KEY, 0, False),
        (0, LATER, SigningKey(bytes(32)), 0, False),
        ("another", LATER, EXCHANGE_KEY, 0, False),
    ],
    ids=["is the head", "leads to it", "not linked", "newer", "cut back", "not signed", "begun anew"],
)
def test_a_receipt_is_held_against_published_heads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path, head, at, key, nexts, passed
) -> None:
    following = []
    for data in CHAIN[1 : 1 + nexts]:
        (tmp_path / "next.json").write_bytes(data)
        following = ["--next", str(tmp_path / "next.json")]
    provider_id = json.loads(DATA)["body"]["statement"]["provider_id"]
    named = (
        []
        if head is None
        else [
            ReceiptHead(
                provider_id=provider_id,
                provider_seq=1 if head == "another" else head + 1,
                receipt_hash="0" * 64 if head == "another" else receipt.receipt_hash(CHAIN[head]),
            )
        ]
    )
    signed = msgspec.json.encode(sign_receipt_heads(named, published_at=at, key=key))
    (tmp_path / "heads.json").write_bytes(signed)
    asked = ("receipt", "verify", str(file), *OFFLINE, "--heads", str(tmp_path / "heads.json"), *following)
    result = run(monkeypatch, Script(), *asked, "--json")
    check = json.loads(result.stdout)["checks"][-1]
    assert (check["name"], check["passed"]) == ("published heads", passed), check
    assert result.exit_code == (1 if passed is False else 0)


def test_what_is_no_file_of_heads_is_said(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    result = run(monkeypatch, Script(), "receipt", "verify", str(file), *OFFLINE, "--heads", str(file))
    assert result.exit_code == 2
