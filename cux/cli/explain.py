"""Shows a request as the `curl` command that makes it, with the API key left to a variable."""

import shlex

import httpx

_SHOWN = ("Accept", "Content-Type", "Idempotency-Key", "Last-Event-ID")


def as_curl(request: httpx.Request) -> str:
    """Return a command line that can be pasted into a shell where CUX_API_KEY is set."""
    parts = ["curl"] if request.method == "GET" else ["curl", "-X", request.method]
    if "Authorization" in request.headers:
        parts += ["-H", '"Authorization: Bearer $CUX_API_KEY"']
    for name in _SHOWN:
        if name in request.headers and request.headers[name] != "*/*":
            parts += ["-H", shlex.quote(f"{name}: {request.headers[name]}")]
    if request.content:
        parts += ["--data-raw", shlex.quote(request.content.decode())]
    return " ".join([*parts, shlex.quote(str(request.url))])
