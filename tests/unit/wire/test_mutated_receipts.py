"""Ten thousand receipts that were tampered with: none is accepted."""

import random
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import pytest

from cux.wire import canonical
from cux.wire.receipt import receipt_hash, sign_statement
from cux.wire.receipt_heads import (
    ReceiptHead,
    SignedReceiptHeads,
    check_against_heads,
    receipt_heads_are_signed,
    sign_receipt_heads,
)
from cux.wire.signing import SigningKey
from cux.wire.verification import ReceiptError, verify_chain, verify_receipt
from tests.unit.wire.builders import (
    EXCHANGE_KEY,
    EXCHANGE_KEYS,
    PROVIDER_KEY,
    PROVIDER_KEYS,
    SMOLLM2,
    receipt_file,
    statement,
)

COUNT: Final = 10_000
OTHER_KEY: Final = SigningKey(bytes(range(64, 96)))
KEYS: Final = {**PROVIDER_KEYS, OTHER_KEY.key_id: OTHER_KEY.public}


def _chain(length: int = 4) -> list[bytes]:
    found: list[bytes] = []
    for number in range(1, length + 1):
        previous = receipt_hash(found[-1]) if found else "0" * 64
        found.append(receipt_file(provider_seq=number, prev_hash=previous))
    return found


def _others() -> bytes:
    """Return a valid receipt of another provider, for a job of its own."""
    said = statement(job_id="job-9", provider_id="provider-z", lease_id="lease-9")
    attempts = [
        {
            "lease_id": "lease-9",
            "epoch": 2,
            "provider_id": "provider-z",
            "outcome": "finished",
            "output_tokens": 100,
        }
    ]
    return receipt_file(
        said,
        provider_signature=sign_statement(said, OTHER_KEY),
        provider_key_id=OTHER_KEY.key_id,
        attempts=msgspec.convert(attempts, list[Any]),
    )


RECEIPT: Final = _chain(1)[0]
OTHERS: Final = _others()


def _is_accepted(data: bytes) -> bool:
    try:
        verify_receipt(data, exchange_keys=EXCHANGE_KEYS, provider_keys=KEYS, card=SMOLLM2)
    except ReceiptError:
        return False
    return True


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every (container, key) of a decoded receipt, at every depth."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield node, key
        yield from _places(value)


def _other_value(value: Any, rng: random.Random) -> Any:
    if isinstance(value, int):
        return rng.choice([value + 1, max(0, value - 1), value * 2 + 1, -1, 0, 2**63])
    if isinstance(value, str):
        at = rng.randrange(len(value))
        swapped = "0" if value[at] != "0" else "1"
        return rng.choice([value[:at] + swapped + value[at + 1 :], value[:at], value + "a", "", value[::-1]])
    return rng.choice([None, [], {}, 0, ""])


def change_a_field(rng: random.Random) -> bytes:
    """Give one field, anywhere, another value."""
    decoded = canonical.decode(RECEIPT)
    container, key = rng.choice(list(_places(decoded)))
    container[key] = _other_value(container[key], rng)
    return msgspec.json.encode(decoded)


def drop_or_add_a_field(rng: random.Random) -> bytes:
    """Leave a field out, or put in one that does not belong."""
    decoded = canonical.decode(RECEIPT)
    container, key = rng.choice(list(_places(decoded)))
    if rng.random() < 0.5 or isinstance(container, list):
        del container[key]
    else:
        container[f"{key}_"] = container[key]
    return msgspec.json.encode(decoded)


def cut(rng: random.Random) -> bytes:
    """Leave out the end, the beginning, or something between."""
    start, end = sorted(rng.sample(range(len(RECEIPT) + 1), 2))
    return rng.choice([RECEIPT[:start], RECEIPT[end:], RECEIPT[:start] + RECEIPT[end:]])


def flip_a_bit(rng: random.Random) -> bytes:
    """Change one bit."""
    changed = bytearray(RECEIPT)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def take_from_another(rng: random.Random) -> bytes:
    """Put parts of another provider's receipt into this one: statement, signatures, chain."""
    decoded, others = canonical.decode(RECEIPT), canonical.decode(OTHERS)
    body, other = decoded["body"], others["body"]
    names = [name for name in body if body[name] != other[name]]
    for name in rng.sample(names, rng.randint(1, len(names) - 1)):
        body[name] = other[name]
    return canonical.encode(decoded)


def sign_it_oneself(rng: random.Random) -> bytes:
    """Change a figure and sign as the exchange with a key of one's own, under either key id."""
    decoded = canonical.decode(RECEIPT)
    decoded["body"][rng.choice(["charged_nano_usd", "quote_ucu", "compute_ucu"])] += rng.randint(1, 1_000)
    decoded["body"]["exchange_key_id"] = rng.choice([EXCHANGE_KEY.key_id, OTHER_KEY.key_id])
    payload = canonical.encode(decoded["body"])
    decoded["exchange_signature"] = OTHER_KEY.sign(domain="cux-receipt-v1", payload=payload).hex()
    return canonical.encode(decoded)


MUTATIONS: Final[tuple[Callable[[random.Random], bytes], ...]] = (
    change_a_field,
    drop_or_add_a_field,
    cut,
    flip_a_bit,
    take_from_another,
    sign_it_oneself,
)


def test_none_of_ten_thousand_mutated_receipts_is_accepted() -> None:
    assert _is_accepted(RECEIPT)
    assert _is_accepted(OTHERS)
    rng = random.Random(5)
    tried = accepted = 0
    while tried < COUNT:
        changed = MUTATIONS[tried % len(MUTATIONS)](rng)
        if changed in (RECEIPT, OTHERS):
            continue
        tried += 1
        accepted += _is_accepted(changed)
    assert (tried, accepted) == (COUNT, 0)


def test_every_field_is_covered_by_a_signature() -> None:
    names = {(id(container), key) for container, key in _places(canonical.decode(RECEIPT))}
    rng = random.Random(6)
    for place in range(len(names)):
        decoded = canonical.decode(RECEIPT)
        container, key = list(_places(decoded))[place]
        before = container[key]
        while container[key] == before:
            container[key] = _other_value(before, rng)
        assert not _is_accepted(msgspec.json.encode(decoded)), key


def _heads(chain: list[bytes], key: SigningKey = EXCHANGE_KEY) -> SignedReceiptHeads:
    head = ReceiptHead(
        provider_id="provider-b", provider_seq=len(chain), receipt_hash=receipt_hash(chain[-1])
    )
    return sign_receipt_heads([head], published_at="2026-08-01T13:00:00Z", key=key)


def _holds(chain: list[bytes], heads: SignedReceiptHeads) -> bool:
    try:
        verified = verify_chain(chain, exchange_keys=EXCHANGE_KEYS, provider_keys=KEYS)
        check_against_heads(verified, heads)
    except ReceiptError:
        return False
    return True


def test_a_chain_that_goes_on_after_the_published_head_holds() -> None:
    chain = _chain()
    assert _holds(chain, _heads(chain))
    assert _holds(chain, _heads(chain[:2]))


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda chain: chain[:-1], id="rollback"),
        pytest.param(lambda chain: [*chain, chain[-1]], id="replay"),
        pytest.param(lambda chain: [*chain[:-1], OTHERS], id="another provider's"),
        pytest.param(
            lambda chain: [
                *chain[:-1],
                receipt_file(provider_seq=4, prev_hash=receipt_hash(chain[2]), quote_ucu=501),
            ],
            id="fork",
        ),
        pytest.param(lambda chain: [chain[0], *chain[2:]], id="left out"),
        pytest.param(lambda chain: [], id="nothing"),
    ],
)
def test_a_chain_that_was_rolled_back_forked_or_repeated_is_refused(
    tamper: Callable[[list[bytes]], list[bytes]],
) -> None:
    chain = _chain()
    assert not _holds(tamper(chain), _heads(chain))


def test_heads_count_only_as_the_exchange_signed_them() -> None:
    chain = _chain()
    signed = _heads(chain)
    assert receipt_heads_are_signed(signed, EXCHANGE_KEYS)
    later = msgspec.structs.replace(signed.heads, published_at="2026-08-01T14:00:00Z")
    assert not receipt_heads_are_signed(msgspec.structs.replace(signed, heads=later), EXCHANGE_KEYS)
    assert not receipt_heads_are_signed(_heads(chain, PROVIDER_KEY), EXCHANGE_KEYS)
    assert not receipt_heads_are_signed(signed, {EXCHANGE_KEY.key_id: PROVIDER_KEY.public})
