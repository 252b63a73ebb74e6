"""Idempotency keys as Stripe documents them.

A key's first answer is kept, success or error, 500s included, and given again to the same request; the same
key with other parameters is an error; a key in use is a conflict. Keys are forgotten once 24 hours old.
"""

import hashlib

from stripe_double.errors import StripeError
from stripe_double.world import Json, World

_KEPT_S = 86_400


def begin(world: World, key: str, request: str) -> Json | None:
    """Claim a key for a request; return the answer kept for it, None if there is none yet.

    Raises StripeError: 400 `idempotency_error` for another request under this key, 409 while one is running.
    """
    name = key.split(" ", 1)[1]
    if len(name) > 255:
        raise StripeError(
            400, "invalid_request_error", "Idempotency keys may have 255 characters.", saved=False
        )
    digest = hashlib.sha256(request.encode()).hexdigest()
    _forget(world)
    record = world.keys.get(key)
    if record is None:
        world.keys[key] = {"created": world.now(), "request": digest, "answer": None}
        return None
    if record["request"] != digest:
        raise StripeError(
            400,
            "idempotency_error",
            "Keys for idempotent requests can only be used with the same parameters they were first used"
            f" with. Try using a key other than '{name}' if you meant to execute a different request.",
            saved=False,
        )
    if record["answer"] is None:
        raise StripeError(
            409,
            "invalid_request_error",
            "There is currently another in-progress request using this Idempotent Key (that probably means"
            " you submitted twice, and the other request is still going through).",
            saved=False,
            code="idempotency_key_in_use",
        )
    answer: Json = record["answer"]
    return answer


def _forget(world: World) -> None:
    """Drop the keys that are old enough; they lie in the order in which they came."""
    while world.keys:
        oldest = next(iter(world.keys))
        if world.now() - world.keys[oldest]["created"] < _KEPT_S:
            return
        del world.keys[oldest]


def finish(world: World, key: str, answer: Json, *, keep: bool) -> None:
    """Keep a key's answer, or forget the key if the request never began."""
    if keep:
        world.keys[key]["answer"] = answer
    else:
        world.keys.pop(key, None)
