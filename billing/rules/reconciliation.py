"""Compare our books with Stripe's: each movement there with one entry here, both ways. Pure, in nano-USD.

What is younger than the grace and has no counterpart yet is waiting for a webhook or a commit: it is counted,
and is no break. Nor is a transfer that nothing here knows and that came back whole: its moves cancel out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved our balance at Stripe by `net`; `key` is of the entry that says so, None if none could.

    `undone` is the transfer that this was, or gave back, where it came back whole and nothing here knows it.
    """

    id: str
    type: str
    source_id: str
    net: int
    key: str | None
    is_young: bool
    undone: str | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """By how much an entry changed what we think we have at Stripe."""

    net: int
    is_young: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """`waiting` is what Stripe has beyond our books that is no break (negative: the other way round).

    `undone` names what cancels out at Stripe and was never here.
    """

    breaks: tuple[str, ...]
    waiting: int
    undone: tuple[str, ...] = ()


def compare(
    movements: Sequence[Movement], entries: Mapping[str, Posted], booked: Collection[str]
) -> Comparison:
    """Return what does not match: `entries` are there to be found, and those of `booked` have to be."""
    breaks = []
    waiting = 0
    seen: dict[str, str] = {}
    undone = _cancelling(movements)
    for movement in movements:
        if movement in undone:
            continue
        entry = entries.get(movement.key or "")
        if entry is None:
            if movement.is_young:
                waiting += movement.net
            else:
                breaks.append(f"{_named(movement)} has no entry")
        elif movement.key in seen:
            breaks.append(f"{_named(movement)} and {seen[movement.key or '']} have one entry, {movement.key}")
        elif entry.net != movement.net:
            breaks.append(f"{_named(movement)} is posted as {entry.net} by {movement.key}")
        if movement.key is not None:
            seen[movement.key] = movement.id
    for key in sorted(set(booked) - set(seen)):
        if entries[key].is_young:
            waiting -= entries[key].net
        else:
            breaks.append(f"entry {key} of {entries[key].net} is no movement at Stripe")
    return Comparison(tuple(breaks), waiting, tuple(_named(movement) for movement in undone))


def _cancelling(movements: Sequence[Movement]) -> list[Movement]:
    """Return what undone transfers moved, each to nothing, or back after it left before what was read."""
    nets: dict[str, list[int]] = {}
    for movement in movements:
        if movement.undone is not None:
            nets.setdefault(movement.undone, []).append(movement.net)
    whole = {transfer for transfer, moved in nets.items() if sum(moved) == 0 or min(moved) > 0}
    return [movement for movement in movements if movement.undone in whole]


def _named(movement: Movement) -> str:
    return f"{movement.type} {movement.id} of {movement.net} ({movement.source_id})"


_ASSETS = ("external_cash", "dispute_debt")
_EQUITY = ("fee_income", "insurance", "public_access", "rounding", "stripe_fees")


def balance_sheet(stripe: int, posted: Mapping[str, int]) -> tuple[dict[str, dict[str, int]], int]:
    """Return assets, liabilities and equity, and assets − (liabilities + equity): 0 if all is well (I14).

    `stripe` is what Stripe says that we have, `posted` the sum of each kind of account in our books; that of
    clearing is not used: Stripe's word stands in its place.
    """
    assets = {"stripe": stripe} | {kind: -posted.get(kind, 0) for kind in _ASSETS}
    equity = {kind: posted.get(kind, 0) for kind in _EQUITY}
    others = {kind for kind in posted if kind not in _ASSETS and kind not in _EQUITY}
    liabilities = {kind: posted[kind] for kind in sorted(others - {"stripe_clearing"})}
    sheet = {"assets": assets, "liabilities": liabilities, "equity": equity}
    return sheet, sum(assets.values()) - sum(liabilities.values()) - sum(equity.values())
