"""What several resources share."""

from typing import Any

from stripe_double.world import Json

NO_ADDRESS: Json = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def update_metadata(item: Json, params: dict[str, Any]) -> None:
    """Merge given metadata into an object's: an empty value unsets its key, an empty hash all keys."""
    if "metadata" not in params:
        return
    given = params["metadata"]
    merged = {**item["metadata"], **given} if given else {}
    item["metadata"] = {name: value for name, value in merged.items() if value != ""}


def billing_details(given: Json | None = None) -> Json:
    """Return billing details, complete with what is not known."""
    blank: Json = {"address": NO_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}
    result = blank | (given or {})
    result["address"] = NO_ADDRESS | (result["address"] or {})
    return result
