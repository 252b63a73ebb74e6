"""The pieces of the OpenAPI 3.1 description: schemas come from the structs that parse and answer.

REST views name their structs with `ref` and its relatives; drf-spectacular walks the views, and
`complete` (its last hook) adds the schemas, the error answers and the addresses answered past Django.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter

from core.errors import Code, ErrorType

_TEMPLATE: Final = "#/components/schemas/{name}"
_SHAPES: Final[dict[str, type]] = {}

Schema = dict[str, Any]


def ref(shape: type) -> Schema:
    """Return a reference to a struct's schema, and have it described."""
    _SHAPES[shape.__name__] = shape
    return {"$ref": _TEMPLATE.format(name=shape.__name__)}


def list_of(shape: type) -> Schema:
    """Return the schema of a whole list: `{"data": […]}`."""
    return {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "array", "items": ref(shape)}},
    }


def page_of(shape: type) -> Schema:
    """Return the schema of a page of a list."""
    properties = {
        **list_of(shape)["properties"],
        "has_more": {"type": "boolean"},
        "next_cursor": {"type": ["string", "null"], "description": "Send it as `cursor` for the next page."},
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def parameter(name: str, kind: str, description: str, values: Sequence[str] = ()) -> OpenApiParameter:
    """Return an optional query parameter, one of `values` if there are any."""
    schema = {"type": kind} | ({"enum": list(values)} if values else {})
    return OpenApiParameter(name, schema, OpenApiParameter.QUERY, description=description)


def error_schema() -> Schema:
    """Return the schema of the one error shape."""
    properties = {
        "type": {"type": "string", "enum": [kind.value for kind in ErrorType]},
        "code": {"type": "string", "enum": sorted(code.wire for code in Code)},
        "message": {"type": "string", "description": "For people; may change."},
        "param": {"type": ["string", "null"], "description": "The field or header that is wrong."},
        "request_id": {"type": "string"},
    }
    error = {"type": "object", "required": list(properties), "properties": properties}
    return {"type": "object", "required": ["error"], "properties": {"error": error}}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells drf-spectacular what `api.auth.ApiKeyAuthentication` looks like from outside."""

    target_class = "api.auth.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> Schema:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "sk_live_…"}


def complete(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """Return the description with plain addresses, schemas and error answers added (a spectacular hook)."""
    from api.openapi_plain import PLAIN_PATHS  # it uses `ref`, so the schemas below include its own

    for path, operations in PLAIN_PATHS.items():
        result["paths"].setdefault(path, {}).update(operations)
    _, schemas = msgspec.json.schema_components(list(_SHAPES.values()), ref_template=_TEMPLATE)
    components = result.setdefault("components", {})
    components["schemas"] = _readable(dict(sorted({**schemas, "Error": error_schema()}.items())))
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {
                "description": "Any error, in the one shape; see docs/errors.md.",
                "content": {"application/json": {"schema": {"$ref": _TEMPLATE.format(name="Error")}}},
            }
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def _readable(schema: Any) -> Any:
    """Return a schema of msgspec's so that other tools can read it too.

    The end of a text is `$` in a pattern, as in ECMA; and of a tuple it is said what its places may hold and
    how many they are, but not one by one: `prefixItems` is beyond most of the tools that read these files.
    """
    if isinstance(schema, list):
        return [_readable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = dict(schema)
    if "prefixItems" in plain:
        plain["items"] = {"anyOf": plain.pop("prefixItems")}
    if isinstance(plain.get("pattern"), str):
        plain["pattern"] = plain["pattern"].replace(r"\Z", "$")
    return {name: _readable(value) for name, value in plain.items()}
