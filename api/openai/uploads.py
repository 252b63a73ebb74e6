"""A file as a form brings it: multipart, read in memory alone. Nothing lies on a disk unsealed."""

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from core.errors import Code, CuxError
from inference.services.file_store import KEPT

_HOUR_S: Final = 3_600
_SECONDS: Final = "expires_after[seconds]"
_FIELDS: Final = frozenset({"purpose", "expires_after[anchor]", _SECONDS})
_NAME_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that somebody brought."""

    filename: str
    content: bytes
    kept: timedelta


class _InMemory(FileUploadHandler):
    """Keeps what comes; the body's size is bounded before."""

    def __init__(self) -> None:
        super().__init__()
        self._content = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._content.write(raw_data)

    def file_complete(self, file_size: int) -> SimpleUploadedFile:
        content, self._content = self._content.getvalue(), BytesIO()
        return SimpleUploadedFile(self.file_name or "file", content)


def parse_upload(content_type: str, body: bytes) -> Uploaded:
    """Return the file of a form with `purpose` `batch`, and perhaps `expires_after`.

    Raises:
        CuxError: UNSUPPORTED_MEDIA_TYPE, it is no form; INVALID_FIELD, UNSUPPORTED_PARAMETER.
    """
    if not content_type.startswith("multipart/form-data"):
        raise CuxError(Code.UNSUPPORTED_MEDIA_TYPE, "Send multipart/form-data.")
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    try:
        fields, files = MultiPartParser(meta, BytesIO(body), [_InMemory()]).parse()
    except MultiPartParserError as error:
        raise CuxError(Code.INVALID_FIELD, "The form cannot be read.", param="file") from error
    for name in (*fields, *files):
        if name not in _FIELDS | {"file"}:
            raise CuxError(Code.UNSUPPORTED_PARAMETER, f"`{name}` is not supported here.", param=name)
    if fields.get("purpose") != "batch":
        raise CuxError(Code.INVALID_FIELD, "The purpose of a file is `batch`.", param="purpose")
    file = files.get("file")
    if file is None:
        raise CuxError(Code.INVALID_FIELD, "There is no file in the form.", param="file")
    return Uploaded(str(file.name)[:_NAME_MAX], file.read(), _kept(fields))


def _kept(fields: dict[str, str]) -> timedelta:
    """Return how long the file is to be kept: an hour to 30 days, from its creation."""
    if fields.get("expires_after[anchor]", "created_at") != "created_at":
        raise CuxError(Code.INVALID_FIELD, "The anchor is `created_at`.", param="expires_after")
    text = fields.get(_SECONDS, str(int(KEPT.total_seconds())))
    if not text.isascii() or not text.isdigit() or not _HOUR_S <= int(text) <= KEPT.total_seconds():
        raise CuxError(Code.INVALID_FIELD, "A file is kept for an hour to 30 days.", param="expires_after")
    return timedelta(seconds=int(text))
