"""The docs pages: how to begin, the words, some documents, and the API's description as a file."""

import re
from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt

from web.access import own
from web.glossary import glossary
from web.page import page

DOCUMENTS: Final = {
    "trading-rules": "Trading rules",
    "market-data": "Market data and streams",
    "index-methodology": "CU price index: methodology",
    "payments": "Deposits and refunds",
    "billing": "Billing: tax, documents, usage, budgets",
    "payouts": "Earnings, payouts, disputes",
    "who-pays": "Who pays when something fails",
    "privacy": "Privacy, retention, abuse",
    "efficiency-leaderboard": "Compute efficiency: methodology",
    "webhooks": "Webhooks",
    "stripe-double": "The double of Stripe",
    "errors": "Errors",
    "glossary": "Glossary",
}
"""Documents of `docs/` that are pages too, by address, with their titles."""
_LINK: Final = re.compile(r'href="([a-z-]+)\.md')
"""A link from one document to another beside it, as it works in the repository."""
_SCROLLING: Final = '<div class="scroll" tabindex="0" role="region" aria-label="Table">'
"""Around tables, which may be wider than a telephone; who has no mouse scrolls what has the focus."""
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show how to begin, with the words of the market."""
    context = {
        "words": list(glossary().values()),
        "documents": DOCUMENTS,
        "nav": "docs",
        "base": request.build_absolute_uri("/").rstrip("/"),
    }
    return page(request, "web/docs.html", own(request), context)


@require_safe
def document(request: HttpRequest, name: str) -> HttpResponse:
    """Show one document of `docs/`."""
    if name not in DOCUMENTS:
        raise Http404
    text = (Path(settings.BASE_DIR) / "docs" / f"{name}.md").read_text()
    body = (
        _MARKDOWN.render(text)
        .replace("<table>", f"{_SCROLLING}<table>")
        .replace("</table>", "</table></div>")
        .replace("<pre>", '<pre tabindex="0">')
    )
    body = _LINK.sub(r'href="\1', body)
    rendered = mark_safe(body)  # noqa: S308 - our own file, without raw HTML
    context = {"title": DOCUMENTS[name], "rendered": rendered, "nav": "docs"}
    return page(request, "web/document.html", own(request), context)


@require_safe
def openapi(request: HttpRequest) -> FileResponse:
    """Give out the API's OpenAPI file."""
    path = settings.BASE_DIR / "docs" / "openapi.yaml"
    return FileResponse(path.open("rb"), content_type="application/yaml")
