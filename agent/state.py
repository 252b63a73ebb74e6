"""The agent's state directory: its key, its enrolment, its measurement, its status. Private to its user.

One agent works on a state directory at a time; an advisory lock says which.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from agent.gpus import Gpu
from agent.served import Served
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
    """The last measurement of an engine, and the card it was computed by."""

    card_hash: str
    measurement: Measurement


class EngineReport(msgspec.Struct, frozen=True, kw_only=True):
    """One engine, as the running agent last saw it."""

    name: str
    model: str
    status: str
    url: str
    """Where it answers on this host; empty while it does not."""
    prepared: bool
    running: int
    slots: int
    problem: str

    @classmethod
    def of(cls, one: Served) -> Self:
        """Report on an engine at work."""
        return cls(
            name=one.name,
            model=one.card.model,
            status=one.engine.status,
            url=one.engine.client.url if one.engine.client else "",
            prepared=one.prepared,
            running=len(one.running),
            slots=one.slots,
            problem=one.engine.problem,
        )


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What the running agent last wrote about itself; instants are Unix seconds."""

    pid: int
    provider_id: str
    engines: list[EngineReport]
    running: int
    free_slots: int
    draining: bool
    maintenance: bool
    """Nothing is claimed, since the host is being maintained."""
    heartbeat_s: float
    heartbeat_at: float
    problem: str
    offers: str
    """What is wrong with keeping offers in the book; empty while nothing is."""
    gpus: list[Gpu]
    gpus_unknown: str
    """Why there is no reading of GPUs; empty where there is."""


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """The operator works on this host: until a Unix second, or without an end."""

    until: float | None


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

    def measurements(self) -> dict[str, MeasurementRecord]:
        """The last measurement of each engine, by the engine's name."""
        return self._read("measurements.json", dict[str, MeasurementRecord]) or {}

    def write_measurement(self, engine: str, record: MeasurementRecord) -> None:
        """Keep what was measured."""
        self._write("measurements.json", self.measurements() | {engine: record})

    def status(self) -> Status | None:
        """What the agent last wrote about itself, or None if it never ran."""
        return self._read("status.json", Status)

    def write_status(self, status: Status) -> None:
        """Replace the status."""
        self._write("status.json", status)

    def maintenance_until(self) -> float | None:
        """Until when this host is maintained, in Unix seconds; None if it is not, infinity without an end."""
        found = self._read("maintenance.json", Maintenance)
        if found is None:
            return None
        return float("inf") if found.until is None else found.until

    def in_maintenance(self, now: float) -> bool:
        """Whether nothing is to be claimed at this Unix second."""
        until = self.maintenance_until()
        return until is not None and now < until

    def begin_maintenance(self, until: float | None) -> None:
        """Have the agent claim nothing until a Unix second, or until `end_maintenance`."""
        self._write("maintenance.json", Maintenance(until=until))

    def end_maintenance(self) -> None:
        """Have the agent claim again."""
        (self.directory / "maintenance.json").unlink(missing_ok=True)

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

    def _write(self, name: str, value: object) -> None:
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
