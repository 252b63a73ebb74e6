"""The agent's state directory: its key, its enrolment, its measurement, its status. Private to its user.

One agent works on a state directory at a time; an advisory lock says which.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from cux.wire.agent import EnrolResponse, Measurement
from cux.wire.signing import KEY_BYTES, SigningKey, decode_key

T = TypeVar("T")


class StateError(Exception):
    """The state directory lacks something, holds something unreadable, or is in use by another agent."""


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """Where the agent is enrolled, and what the exchange answered."""

    exchange: str
    response: EnrolResponse


class MeasurementRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The last measurement that the exchange took, and the card it was computed by."""

    card_hash: str
    measurement: Measurement


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What the running agent last wrote about itself; instants are Unix seconds."""

    pid: int
    provider_id: str
    model: str
    engine: str
    engine_url: str
    """Where the engine answers on this host; empty while it does not."""
    prepared: bool
    """Whether the engine was ready once and its capacity is known: leases are claimed from then on."""
    running: int
    free_slots: int
    draining: bool
    heartbeat_s: float
    heartbeat_at: float
    problem: str


class State:
    """Reads and writes the files of one state directory; each write replaces the file whole."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser()
        self.wal_directory = self.directory / "wal"

    def create(self) -> None:
        """Make the directories, for this user only."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.wal_directory.mkdir(exist_ok=True, mode=0o700)

    def signing_key(self) -> SigningKey:
        """The provider's key, drawn and written before it is first used."""
        path = self.directory / "signing-key"
        if not path.exists():
            self.create()
            _replace(path, os.urandom(KEY_BYTES).hex().encode())
        try:
            return SigningKey(decode_key(path.read_text().strip()))
        except ValueError as error:
            raise StateError(f"{path} is not a signing key: {error}") from error

    def enrolment(self) -> Enrolment | None:
        """The enrolment, or None where the agent has not enrolled yet."""
        return self._read("enrolment.json", Enrolment)

    def write_enrolment(self, enrolment: Enrolment) -> None:
        """Keep the enrolment; its API key is not shown again."""
        self._write("enrolment.json", enrolment)

    def measurement(self) -> MeasurementRecord | None:
        """The last measurement sent, or None."""
        return self._read("measurement.json", MeasurementRecord)

    def write_measurement(self, record: MeasurementRecord) -> None:
        """Keep what was measured and sent."""
        self._write("measurement.json", record)

    def status(self) -> Status | None:
        """What the agent last wrote about itself, or None if it never ran."""
        return self._read("status.json", Status)

    def write_status(self, status: Status) -> None:
        """Replace the status."""
        self._write("status.json", status)

    def clear_status(self) -> None:
        """Forget what an earlier run wrote about itself."""
        (self.directory / "status.json").unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for one running agent; StateError while another does."""
        self.create()
        with (self.directory / "lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StateError(f"another agent is running on {self.directory}") from error
            yield

    def _read(self, name: str, kind: type[T]) -> T | None:
        path = self.directory / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise StateError(f"{path} can not be read: {error}") from error

    def _write(self, name: str, value: msgspec.Struct) -> None:
        self.create()
        _replace(self.directory / name, msgspec.json.format(msgspec.json.encode(value)))


def _replace(path: Path, content: bytes) -> None:
    """Write beside and rename: a reader, or a crash, sees the old content or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
