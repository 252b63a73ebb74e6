"""What can be recovered is shared by what each claims (pure): exact in sum, by largest remainders."""

from collections.abc import Sequence


def shared(found: int, claims: Sequence[int]) -> list[int]:
    """Return what each claim gets of `found`, in its units: all of it, or its share, rounded down.

    The units then missing go to the largest remainders, of equal ones to the first. The parts sum to the
    lesser of `found` and all claims; none is more than its claim.
    """
    total = sum(claims)
    paid = min(found, total)
    if not total:
        return [0] * len(claims)
    parts = [claim * paid // total for claim in claims]
    by_remainder = sorted(range(len(claims)), key=lambda at: (-(claims[at] * paid % total), at))
    for at in by_remainder[: paid - sum(parts)]:
        parts[at] += 1
    return parts
