"""Events: what happened, with the object as it was, sent to every endpoint that listens."""

from stripe_double import chaos
from stripe_double.world import API_VERSION, Json, World, copied


def emit(world: World, kind: str, item: Json, account: str = "", before: Json | None = None) -> Json:
    """Record an event and have it delivered; `before` are the previous values of what changed."""
    data: Json = {"object": copied(item)}
    if before is not None:
        data["previous_attributes"] = copied(before)
    listening = [endpoint for endpoint in world.endpoints if _listens(endpoint, kind, account)]
    event: Json = {
        "id": world.new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": world.second(),
        "data": data,
        "livemode": False,
        "pending_webhooks": len(listening),
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
    if account:
        event["account"] = account
    world.add(event, account)
    number = world.count("events")
    for endpoint in listening:
        for delay_s, rank in chaos.deliveries(world, number):
            world.at(
                world.now() + delay_s, "deliver", rank, event=event["id"], endpoint=endpoint["id"], attempt=0
            )
    return event


def _listens(endpoint: Json, kind: str, account: str) -> bool:
    """Return whether an endpoint wants this event; `connect` false or true narrows it to one side."""
    if endpoint["connect"] is not None and endpoint["connect"] != bool(account):
        return False
    wanted = endpoint["enabled_events"]
    return "*" in wanted or kind in wanted
