"""Which jobs are audited (pure): a draw that the exchange cannot bend and nobody can foresee.

For each day the exchange commits itself to a secret: its hash is published before the day begins, the secret
after it has ended. A job is drawn if HMAC(secret, job) falls below the share of its provider's tier. While
the day lasts nobody but the exchange can tell which jobs; afterwards everybody can check that none was
picked or passed over.
"""

import hashlib
import hmac

DOMAIN = b"cux-audit-v1"


def commitment(secret: bytes) -> str:
    """Return what is published beforehand: the SHA-256 of the secret, in hex."""
    return hashlib.sha256(DOMAIN + secret).hexdigest()


def drawn_attempt(*, secret: bytes, job_id: str, attempts: int) -> int:
    """Return which of a job's attempts is looked at, from 0 on: nobody who gives up on one can tell."""
    draw = hmac.digest(secret, DOMAIN + job_id.encode(), hashlib.sha256)
    return int.from_bytes(draw[8:16], "big") % attempts


def is_drawn(*, secret: bytes, job_id: str, share_ppm: int) -> bool:
    """Tell whether the job (its public id) is audited at a share of `share_ppm`."""
    draw = hmac.digest(secret, DOMAIN + job_id.encode(), hashlib.sha256)
    return int.from_bytes(draw[:8], "big") * 1_000_000 < share_ppm << 64
