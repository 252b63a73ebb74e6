"""The file of a run: a line of what is asked of whom, then one a reply. What was cut off goes on from it."""

from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from inference.efficiency.endpoint import Reply, Run


class OtherRunError(ValueError):
    """The file holds replies of another run."""


class RepliesFile:
    """Replies kept so far, and a place for more: each is on disk before the next is counted."""

    def __init__(self, path: Path, run: Run) -> None:
        """Open the file, or begin it. Raises OtherRunError, OSError."""
        self.replies: list[Reply] = []
        whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
        if whole:
            first, *rest = whole.splitlines()
            _same(path, run, first)
            self.replies = [msgspec.json.decode(line, type=Reply) for line in rest]
        lines = [msgspec.json.encode(each) for each in (run, *self.replies)]
        path.write_bytes(b"\n".join(lines) + b"\n")  # what a cut-off write left is dropped
        self._stream: IO[bytes] = path.open("ab")

    def add(self, reply: Reply) -> None:
        """Keep one reply."""
        self.replies.append(reply)
        self._stream.write(msgspec.json.encode(reply) + b"\n")
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()


def _same(path: Path, run: Run, line: bytes) -> None:
    try:
        found = msgspec.json.decode(line, type=Run)
    except msgspec.MsgspecError as error:
        raise OtherRunError(f"{path} holds something else than replies of a run.") from error
    differing = [name for name in run.__struct_fields__ if getattr(run, name) != getattr(found, name)]
    if differing:
        raise OtherRunError(
            f"{path} holds a run with another {', '.join(differing)}. Name another --out, or remove it."
        )
