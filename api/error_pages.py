"""`docs/errors.md`, made from the closed list of codes."""

from core.errors import Code, ErrorType

_HEAD = """# Errors

Every answer that is not a success has one shape, on every path, in streams too:

```json
{"error": {"type": "not_found_error", "code": "unknown_order", "message": "…", "param": null,
           "request_id": "req_…"}}
```

`code` is one of those below and never changes its meaning; `message` is for people and may change;
`param` names the field or header that is wrong; `request_id` is also the header `X-Request-Id` and
stands in our logs. 429 and 503 carry `Retry-After` in seconds. This page is generated:
`python manage.py errors_doc`.
"""

_TYPES = {
    ErrorType.INVALID_REQUEST: "The request itself is wrong: change it before sending it again.",
    ErrorType.AUTHENTICATION: "Who you are is not known: send `Authorization: Bearer sk_live_…`.",
    ErrorType.PERMISSION: "You are known, but may not do this.",
    ErrorType.NOT_FOUND: "What you named does not exist, or is not yours.",
    ErrorType.CONFLICT: "It does not go with what is already there.",
    ErrorType.FUNDS: "Money or compute is missing: fund the account or buy compute units.",
    ErrorType.RATE_LIMIT: "Too much at once: wait for `Retry-After` seconds, then send it again.",
    ErrorType.UNAVAILABLE: "A part of the exchange is away just now: retry with the same Idempotency-Key.",
    ErrorType.API: "Our side failed.",
}


def render_errors() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *(_section(kind) for kind in ErrorType)])


def _section(kind: ErrorType) -> str:
    rows = [
        f"| `{code.wire}` | {code.spec.status} | {code.spec.message} |"
        for code in Code
        if code.spec.type is kind
    ]
    return "\n".join(
        [f"## {kind.value}", "", _TYPES[kind], "", "| code | status | meaning |", "|---|---|---|", *rows, ""]
    )
