"""The docs page: how to begin, the words, and the API's description as a file."""

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from web.access import own
from web.glossary import glossary
from web.page import page


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show how to begin, with the words of the market."""
    context = {
        "words": list(glossary().values()),
        "nav": "docs",
        "base": request.build_absolute_uri("/").rstrip("/"),
    }
    return page(request, "web/docs.html", own(request), context)


@require_safe
def openapi(request: HttpRequest) -> FileResponse:
    """Give out the API's OpenAPI file."""
    path = settings.BASE_DIR / "docs" / "openapi.yaml"
    return FileResponse(path.open("rb"), content_type="application/yaml")
