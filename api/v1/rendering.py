"""JSON by msgspec in and out, whatever the Accept header says: this API speaks nothing else."""

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from django.http import HttpRequest
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer


class JsonRenderer(BaseRenderer):
    """Renders structs and plain values; bytes are sent as they are (a receipt's canonical form)."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the body."""
        return data if isinstance(data, bytes) else msgspec.json.encode(data)


class JsonParser(BaseParser):
    """Hands the raw body on: views check it against a struct with `api.http.parse_json`."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the body's bytes."""
        return stream.read()


class AlwaysJson(BaseContentNegotiation):
    """Takes the first parser that fits the body and the first renderer, never refusing an Accept."""

    def select_parser(self, request: HttpRequest, parsers: Any) -> Any:
        """Return the parser for the body's media type, or None (which answers 415)."""
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(self, request: HttpRequest, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the JSON renderer."""
        return renderers[0], renderers[0].media_type
