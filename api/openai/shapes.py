"""The form an answer may be held to: OpenAI's `response_format`."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from core.errors import Code, CuxError

SCHEMA_LIMIT: Final = 32_768
"""Characters of a schema's JSON: engines compile it before the first token."""
_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")


class PlainText(msgspec.Struct, frozen=True, tag_field="type", tag="text", forbid_unknown_fields=True):
    """Whatever the model says."""

    @property
    def is_object(self) -> bool:
        """Tell whether it has to be a JSON object."""
        return False

    @property
    def schema_text(self) -> str:
        """Return the schema that it has to keep to; empty for none."""
        return ""


class JsonObject(PlainText, frozen=True, tag_field="type", tag="json_object", forbid_unknown_fields=True):
    """Any JSON object."""

    @property
    def is_object(self) -> bool:
        """Tell whether it has to be a JSON object."""
        return True


class NamedSchema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON schema; it is kept to in any case, so `strict` changes nothing."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
    schema: dict[str, Any]
    description: str = ""
    strict: bool | None = None


class JsonSchema(
    PlainText, frozen=True, kw_only=True, tag_field="type", tag="json_schema", forbid_unknown_fields=True
):
    """JSON that keeps to a schema."""

    json_schema: NamedSchema

    @property
    def schema_text(self) -> str:
        """Return the schema that it has to keep to. Raises CuxError INVALID_FIELD."""
        return schema_text(self.json_schema.schema, param="response_format")


AnswerFormat = PlainText | JsonObject | JsonSchema


def schema_text(schema: dict[str, Any], *, param: str = "tools") -> str:
    """Return a schema as the JSON that the engine compiles.

    Raises:
        CuxError: INVALID_FIELD, it is too long, or no engine could read it.
    """
    text = msgspec.json.encode(schema).decode()
    if len(text) > SCHEMA_LIMIT:
        raise CuxError(Code.INVALID_FIELD, f"A schema has at most {SCHEMA_LIMIT} characters.", param=param)
    wrong = _wrong_in(schema)
    if wrong is not None:
        raise CuxError(Code.INVALID_FIELD, f"This is no JSON schema: {wrong}.", param=param)
    return text


def _wrong_in(schema: object) -> str | None:
    """Return what is wrong with the keywords that every grammar rests on; None if nothing is."""
    if isinstance(schema, bool):
        return None
    if not isinstance(schema, dict):
        return "a schema is an object, true or false"
    types = schema.get("type", [])
    for each in types if isinstance(types, list) else [types]:
        if each not in _TYPES:
            return f"there is no type {str(each)[:80]!r}"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        return "`required` is a list of names"
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        return "`properties` is an object"
    inner = [*properties.values(), *([schema["items"]] if "items" in schema else [])]
    for keyword in ("anyOf", "oneOf", "allOf"):
        some = schema.get(keyword, [])
        if not isinstance(some, list):
            return f"`{keyword}` is a list"
        inner += some
    return next(filter(None, map(_wrong_in, inner)), None)
