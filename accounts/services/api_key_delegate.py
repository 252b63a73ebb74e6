"""A key makes another one: it can give no more than it has."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts.keys import KeyFacts
from accounts.models import ApiKey
from accounts.networks import Network, covers, parse_networks
from accounts.services.api_keys import IssuedKey, api_key_create, require_room_for_a_key
from core.errors import Code, CuxError


@transaction.atomic
def api_key_delegate(
    *,
    by: KeyFacts,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None,
    allowed_networks: Iterable[str],
    order_limit: int | None,
    order_window_s: int,
    now: datetime,
) -> IssuedKey:
    """This function will make a key of the same organisation, on the word of one with the scope `keys`.

    What it leaves open, the new key has from the old one: networks, order rate, end. The scope `operate` is
    never given on: whoever could make a second operator could approve its own busts.

    Raises:
        CuxError: FORBIDDEN, it would be able to do more, for longer or from elsewhere than the key that
            makes it; TOO_MANY_KEYS; INVALID_FIELD, as `api_key_create`, or it would end before it begins.
    """
    if order_limit is None:
        order_limit, order_window_s = by.order_limit, by.order_window_s
    wanted, networks = set(scopes), list(allowed_networks) or [str(network) for network in by.networks]
    ends_at = expires_at or (datetime.fromtimestamp(by.expires_at, now.tzinfo) if by.expires_at else None)
    if ends_at is not None and ends_at <= now:
        raise CuxError(Code.INVALID_FIELD, "It would have expired already.", param="expires_at")
    if not wanted & set(ApiKey.Scope.values) <= by.scopes - {ApiKey.Scope.OPERATE}:
        raise _too_much("scopes")
    if by.expires_at is not None and ends_at is not None and ends_at.timestamp() > by.expires_at:
        raise _too_much("expires_at")
    if by.networks and not all(covers(by.networks, network) for network in _networks(networks)):
        raise _too_much("allowed_networks")
    if order_limit > by.order_limit or order_limit * by.order_window_s > by.order_limit * order_window_s:
        raise _too_much("order_limit")
    require_room_for_a_key(organisation_id=by.organisation_id, now=now)
    return api_key_create(
        organisation_id=by.organisation_id,
        name=name,
        scopes=wanted,
        expires_at=ends_at,
        allowed_networks=networks,
        order_limit=order_limit,
        order_window_s=order_window_s,
    )


def _networks(texts: list[str]) -> tuple[Network, ...]:
    try:
        return parse_networks(texts)
    except ValueError as unreadable:
        raise CuxError(Code.INVALID_FIELD, f"{unreadable}.", param="allowed_networks") from unreadable


def _too_much(param: str) -> CuxError:
    return CuxError(Code.FORBIDDEN, "A key can give no more than it has itself.", param=param)
