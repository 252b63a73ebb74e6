"""Around orders: dead-man switch, standing offers, resale. What changes something needs the scope `trade`."""

from cux.client.call import Call, get, segment, write
from cux.client.views import Order, Page
from cux.wire.batches import DeadMan, DeadManView, SellEntitlement, StandingOffer, StandingOfferView


def dead_man_set(timeout_s: int, *, idempotency_key: str | None = None) -> Call[DeadManView]:
    """Have all open orders cancelled in `timeout_s` unless this is said again; 0 switches it off."""
    body = DeadMan(timeout_s=timeout_s)
    return write("PUT", "/v1/dead-man", DeadManView, body=body, idempotency_key=idempotency_key)


def dead_man_get() -> Call[DeadManView]:
    """Return the dead-man switch as it stands."""
    return get("/v1/dead-man", DeadManView)


def standing_offer_list() -> Call[Page[StandingOfferView]]:
    """Return the standing offers that are not withdrawn, newest first."""
    return get("/v1/standing-offers", Page[StandingOfferView])


def standing_offer_set(
    instrument: str, *, price_ticks: int, quantity_lots: int, idempotency_key: str | None = None
) -> Call[StandingOfferView]:
    """Offer idle capacity in every auction of an instrument, in place of what was offered there before."""
    body = StandingOffer(instrument=instrument, price_ticks=price_ticks, quantity_lots=quantity_lots)
    path = "/v1/standing-offers"
    return write("PUT", path, StandingOfferView, body=body, idempotency_key=idempotency_key)


def standing_offer_withdraw(
    standing_offer_id: str, *, idempotency_key: str | None = None
) -> Call[StandingOfferView]:
    """Let a standing offer enter no further auction; its order in a running one stays."""
    path = f"/v1/standing-offers/{segment(standing_offer_id)}"
    return write("DELETE", path, StandingOfferView, idempotency_key=idempotency_key)


def entitlement_sell(
    entitlement_id: str,
    *,
    price_ticks: int,
    quantity_lots: int,
    expires_at: str | None = None,
    idempotency_key: str | None = None,
) -> Call[Order]:
    """Offer lots of an entitlement for resale and return the order; what is not sold comes back."""
    body = SellEntitlement(price_ticks=price_ticks, quantity_lots=quantity_lots, expires_at=expires_at)
    path = f"/v1/entitlements/{segment(entitlement_id)}/sell"
    return write("POST", path, Order, body=body, idempotency_key=idempotency_key)
