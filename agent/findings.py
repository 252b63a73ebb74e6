"""What `doctor` finds: one line for each thing that was looked at, with what to do about it."""

from typing import Literal

import msgspec

Verdict = Literal["ok", "warning", "problem"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: what was found, and if it is not as it should be, what to do."""

    subject: str
    verdict: Verdict
    found: str
    fix: str = ""


def ok(subject: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(subject=subject, verdict="ok", found=found)


def warning(subject: str, found: str, fix: str) -> Finding:
    """It will work, but not as well as it could."""
    return Finding(subject=subject, verdict="warning", found=found, fix=fix)


def problem(subject: str, found: str, fix: str) -> Finding:
    """It will not work before this is done."""
    return Finding(subject=subject, verdict="problem", found=found, fix=fix)
