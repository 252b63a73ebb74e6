"""Which capability a server of ours keeps: the least that does, or an error that says what to open."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from core.embedded import EmbeddedError, account
from core.embedded.account import Account, barrier, capability_needed
from core.embedded.launch import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

STRANGER = Account(uid=4_000_000_000, gid=4_000_000_000, dropped=True)
ALL = (1 << CAP_DAC_OVERRIDE) | (1 << CAP_DAC_READ_SEARCH)


@pytest.fixture
def place() -> Iterator[Path]:
    """A program in a directory everybody may pass, and beside it a directory only we may pass."""
    with TemporaryDirectory() as directory:  # not tmp_path, whose parents are closed to others
        path = Path(directory)
        path.chmod(0o755)
        (path / "server").write_text("")
        (path / "server").chmod(0o755)
        (path / "closed" / "inside").mkdir(parents=True)
        (path / "closed").chmod(0o700)
        yield path


@pytest.mark.parametrize(
    ("directory", "program_mode", "ours", "expected"),
    [
        (".", 0o755, ALL, None),
        (".", 0o755, 0, None),
        ("closed/inside", 0o755, ALL, CAP_DAC_READ_SEARCH),
        ("closed/inside", 0o755, 1 << CAP_DAC_OVERRIDE, CAP_DAC_OVERRIDE),
        (".", 0o700, ALL, CAP_DAC_OVERRIDE),
    ],
)
def test_the_least_capability_that_does(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    directory: str,
    program_mode: int,
    ours: int,
    expected: int | None,
) -> None:
    monkeypatch.setattr(account, "_effective_capabilities", lambda: ours)
    program = place / "server"
    program.chmod(program_mode)

    assert capability_needed(STRANGER, program=program, directories=[place / directory]) == expected


def test_without_any_the_error_names_the_closed_directory(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "_effective_capabilities", lambda: 0)

    with pytest.raises(
        EmbeddedError, match=rf"cannot pass {place}/closed\. Open it \(chmod o\+x {place}/closed\)"
    ):
        capability_needed(STRANGER, program=place / "server", directories=[place / "closed" / "inside"])


def test_ourselves_we_need_none(place: Path) -> None:
    ourselves = Account(uid=place.stat().st_uid, gid=place.stat().st_gid, dropped=False)
    assert capability_needed(ourselves, program=place / "server", directories=[place / "closed"]) is None


def test_the_barrier_is_the_first_directory_from_the_root(place: Path) -> None:
    (place / "closed" / "inside").chmod(0o700)

    assert barrier(place / "closed" / "inside", STRANGER) == place / "closed"
    assert barrier(place, STRANGER) is None
