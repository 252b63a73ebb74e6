"""The leaderboard of compute efficiency."""

from cux.client.call import Call, get, segment
from cux.client.views import Page
from cux.wire.efficiency import EfficiencyResultView


def efficiency_list(*, page_size: int = 50) -> Call[Page[EfficiencyResultView]]:
    """Iterate over the published results, newest first; pages are fetched as they are needed."""
    return get("/v1/efficiency", Page[EfficiencyResultView], limit=page_size)


def efficiency_rows(efficiency_result_id: str) -> Call[bytes]:
    """Return the rows of a result as JSON lines; their SHA-256 stands in the result."""
    return get(f"/v1/efficiency/{segment(efficiency_result_id)}/rows", bytes)
