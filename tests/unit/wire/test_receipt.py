"""A receipt verifies with public keys alone, and says what is wrong when something is."""

from typing import Any

import msgspec
import pytest

from cux.wire import canonical, receipt
from cux.wire.signing import SigningError, SigningKey
from cux.wire.verification import (
    ReceiptError,
    ReceiptFault,
    VerifiedReceipt,
    verify_chain,
    verify_receipt,
    verify_statement,
)
from tests.unit.wire.builders import (
    EXCHANGE_KEYS,
    OUTPUT_IDS,
    PROVIDER_KEY,
    PROVIDER_KEYS,
    SMOLLM2,
    body,
    receipt_file,
    statement,
)


def verify(data: bytes, **changes: Any) -> VerifiedReceipt:
    keys: dict[str, Any] = {"exchange_keys": EXCHANGE_KEYS, "provider_keys": PROVIDER_KEYS, "card": SMOLLM2}
    return verify_receipt(data, **(keys | changes))


def fault_of(data: bytes, **changes: Any) -> ReceiptFault:
    with pytest.raises(ReceiptError) as caught:
        verify(data, **changes)
    return caught.value.reason


def test_a_receipt_verifies_with_public_keys_and_card() -> None:
    data = receipt_file()
    verified = verify(data)
    assert verified.compute_checked
    assert verified.receipt_hash == receipt.receipt_hash(data)
    assert verified.body == body()
    assert (verified.body.raw_flops, verified.body.compute_ucu) == (49_634_933_760, 465)
    assert not verify(data, card=None).compute_checked


def test_receipts_of_before_there_was_failover_are_as_they_were() -> None:
    hashed = "d44c86bd57275d04189177013d22a85f24b1472c1140d4398b9308a2e7d6f3f4"
    assert receipt.receipt_hash(receipt_file()) == hashed


def continued(shares: tuple[int, int] = (168, 297), delivered: int = 40, **changes: Any) -> bytes:
    """A receipt of the same job, continued by the second provider after 40 tokens."""
    said = receipt.build_statement(
        **{
            name: getattr(statement(), name)
            for name in ("job_id", "lease_id", "epoch", "provider_id", "model", "model_revision", "card_hash")
        },
        prompt_tokens=100,
        output_ids=OUTPUT_IDS[40:],
        finish_reason="length",
        prefix_ids=OUTPUT_IDS[:40],
    )
    failed, ended = body().attempts
    attempts = [
        msgspec.structs.replace(failed, output_tokens=delivered, compute_ucu=shares[0]),
        msgspec.structs.replace(ended, output_tokens=60, compute_ucu=shares[1]),
    ]
    said = msgspec.structs.replace(said, **changes)
    return receipt_file(said, attempts=attempts)


def test_a_receipt_of_two_providers_says_what_each_is_paid() -> None:
    body = verify(continued()).body
    assert [attempt.compute_ucu for attempt in body.attempts] == [168, 297]
    assert body.statement.prefix_ids_sha256 == receipt.output_ids_hash(OUTPUT_IDS[:40])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"shares": (169, 296)}, ReceiptFault.COMPUTE),
        ({"shares": (168, 298)}, ReceiptFault.COMPUTE),
        ({"shares": (168, msgspec.UNSET)}, ReceiptFault.COMPUTE),
        ({"delivered": 41}, ReceiptFault.ATTEMPTS),
        ({"prefix_tokens": 41}, ReceiptFault.ATTEMPTS),
        ({"prefix_tokens": msgspec.UNSET}, ReceiptFault.ATTEMPTS),
        ({"prefix_ids_sha256": msgspec.UNSET}, ReceiptFault.ATTEMPTS),
        ({"prefix_tokens": 0}, ReceiptFault.MALFORMED),
        (
            {"delivered": 0, "prefix_tokens": msgspec.UNSET, "prefix_ids_sha256": msgspec.UNSET},
            ReceiptFault.ATTEMPTS,
        ),
    ],
)
def test_shares_that_are_not_as_the_tokens_say_are_refused(
    changes: dict[str, Any], fault: ReceiptFault
) -> None:
    assert fault_of(continued(**changes)) == fault


def test_output_ids_hash_is_over_four_bytes_each() -> None:
    assert receipt.output_ids_hash([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert receipt.output_ids_hash([1, 256]) == receipt.output_ids_hash(iter([1, 256]))
    assert receipt.output_ids_hash([1, 256]) != receipt.output_ids_hash([256, 1])
    assert statement().output_ids_sha256 == receipt.output_ids_hash(OUTPUT_IDS)


def test_the_gateway_checks_the_provider_against_its_own_count() -> None:
    signature = receipt.sign_statement(statement(), PROVIDER_KEY)
    public = PROVIDER_KEY.public
    assert verify_statement(statement(), provider_signature=signature, public=public)
    for counted in (statement(output_tokens=99), statement(epoch=3), statement(finish_reason="stop")):
        assert not verify_statement(counted, provider_signature=signature, public=public)
    with pytest.raises(SigningError):
        verify_statement(statement(), provider_signature=signature.upper(), public=public)


def test_keys_that_were_not_handed_in_are_named() -> None:
    data = receipt_file()
    assert fault_of(data, exchange_keys={}) == ReceiptFault.UNKNOWN_EXCHANGE_KEY
    assert fault_of(data, provider_keys={}) == ReceiptFault.UNKNOWN_PROVIDER_KEY


def test_a_key_listed_under_another_id_is_not_used() -> None:
    listed = {PROVIDER_KEY.key_id: SigningKey(bytes(32)).public}
    assert fault_of(receipt_file(), provider_keys=listed) == ReceiptFault.UNKNOWN_PROVIDER_KEY


def test_a_body_changed_after_signing_fails() -> None:
    changed = receipt.Receipt(body=body(charged_nano_usd=1), exchange_signature="00" * 64)
    assert fault_of(receipt.receipt_bytes(changed)) == ReceiptFault.EXCHANGE_SIGNATURE


def test_the_exchange_cannot_change_what_the_provider_signed() -> None:
    forged = msgspec.structs.replace(statement(), output_ids_sha256=receipt.output_ids_hash([7]))
    data = receipt_file(
        provider_signature=receipt.sign_statement(statement(), PROVIDER_KEY), statement=forged
    )
    assert fault_of(data) == ReceiptFault.PROVIDER_SIGNATURE


def test_a_receipt_signature_does_not_pass_as_a_statement() -> None:
    payload = receipt.statement_bytes(statement())
    crossed = PROVIDER_KEY.sign(domain=receipt.RECEIPT_DOMAIN, payload=payload).hex()
    assert fault_of(receipt_file(provider_signature=crossed)) == ReceiptFault.PROVIDER_SIGNATURE


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"attempts": []}, ReceiptFault.ATTEMPTS),
        ({"attempts": body().attempts[:1]}, ReceiptFault.ATTEMPTS),
        ({"attempts": body().attempts[::-1]}, ReceiptFault.ATTEMPTS),
        ({"attempts": [body().attempts[1], body().attempts[1]]}, ReceiptFault.ATTEMPTS),
        ({"cached_tokens": 100}, ReceiptFault.TOKENS),
        ({"raw_flops": 49_634_933_761}, ReceiptFault.COMPUTE),
        ({"raw_flops": 49_634_933_761, "prefill_flops": 21_981_487_105}, ReceiptFault.COMPUTE),
        ({"compute_ucu": 466}, ReceiptFault.COMPUTE),
        ({"compute_ucu": 464}, ReceiptFault.COMPUTE),
        ({"cached_tokens": 32}, ReceiptFault.COMPUTE),
        ({"quote_ucu": 464}, ReceiptFault.QUOTE),
        ({"provider_seq": 2}, ReceiptFault.CHAIN),
        ({"prev_hash": "1" * 64}, ReceiptFault.CHAIN),
        ({"settled_at": "2026-08-01 12:00:00"}, ReceiptFault.MALFORMED),
        ({"provider_seq": 0}, ReceiptFault.MALFORMED),
        ({"charged_nano_usd": -1}, ReceiptFault.MALFORMED),
        ({"provider_key_id": "AB" * 8}, ReceiptFault.MALFORMED),
        ({"version": 2}, ReceiptFault.MALFORMED),
    ],
)
def test_a_wrong_figure_fails_even_when_the_exchange_signed_it(
    changes: dict[str, Any], fault: ReceiptFault
) -> None:
    assert fault_of(receipt_file(**changes)) == fault


def test_a_receipt_for_nothing_delivered_is_refused() -> None:
    empty = statement(output_tokens=0, output_ids_sha256=receipt.output_ids_hash([]))
    attempt = msgspec.structs.replace(body().attempts[1], output_tokens=0)
    assert fault_of(receipt_file(empty, attempts=[attempt])) == ReceiptFault.TOKENS


def test_another_card_than_the_signed_one_is_refused() -> None:
    other = msgspec.structs.replace(SMOLLM2, decode_weight_milli=15_999)
    assert fault_of(receipt_file(), card=other) == ReceiptFault.CARD


def test_form_is_checked_before_anything_else() -> None:
    data = receipt_file()
    assert fault_of(data + b"\n") == ReceiptFault.NOT_CANONICAL
    plain = canonical.decode(data)
    assert fault_of(canonical.encode(plain | {"note": "x"})) == ReceiptFault.MALFORMED
    assert fault_of(canonical.encode({"body": plain["body"]})) == ReceiptFault.MALFORMED
    assert fault_of(canonical.encode([])) == ReceiptFault.MALFORMED


def chain(length: int) -> list[bytes]:
    files: list[bytes] = []
    previous = receipt.FIRST_PREV_HASH
    for number in range(1, length + 1):
        files.append(receipt_file(provider_seq=number, prev_hash=previous))
        previous = receipt.receipt_hash(files[-1])
    return files


def chain_fault(files: list[bytes]) -> ReceiptFault:
    with pytest.raises(ReceiptError) as caught:
        verify_chain(files, exchange_keys=EXCHANGE_KEYS, provider_keys=PROVIDER_KEYS)
    return caught.value.reason


def test_a_chain_and_any_run_of_it_verify() -> None:
    files = chain(4)
    for run in (files, files[2:], files[:1], []):
        verified = verify_chain(run, exchange_keys=EXCHANGE_KEYS, provider_keys=PROVIDER_KEYS)
        assert [item.receipt_hash for item in verified] == [receipt.receipt_hash(file) for file in run]


def test_a_missing_repeated_or_swapped_receipt_breaks_the_chain() -> None:
    first, second, third = chain(3)
    assert chain_fault([first, third]) == ReceiptFault.CHAIN
    assert chain_fault([first, first]) == ReceiptFault.CHAIN
    assert chain_fault([second, first]) == ReceiptFault.CHAIN


def test_a_receipt_rewritten_in_the_past_breaks_the_chain() -> None:
    _, second, third = chain(3)
    rewritten = receipt_file(charged_nano_usd=1)
    assert chain_fault([rewritten, second, third]) == ReceiptFault.CHAIN


def test_receipts_of_different_providers_are_no_chain() -> None:
    first, _ = chain(2)
    signed = statement(provider_id="provider-c")
    attempt = msgspec.structs.replace(body().attempts[1], provider_id="provider-c")
    foreign = receipt_file(signed, attempts=[attempt], provider_seq=2, prev_hash=receipt.receipt_hash(first))
    assert chain_fault([first, foreign]) == ReceiptFault.CHAIN
