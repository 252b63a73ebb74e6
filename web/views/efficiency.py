"""The leaderboard of compute efficiency, for everybody."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from web.access import not_found_as_404, own
from web.page import page
from web.selectors.efficiency import leaderboard_page


@require_safe
@not_found_as_404
def leaderboard(request: HttpRequest) -> HttpResponse:
    """Show published results as a table in the order asked for, and as pictures."""
    context = {"board": leaderboard_page(request.GET.get("sort", "value")), "nav": "efficiency"}
    return page(request, "web/efficiency.html", own(request), context)
