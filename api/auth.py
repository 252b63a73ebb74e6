"""Who is asking: `Authorization: Bearer sk_live_…`, for Django REST framework and for plain ASGI."""

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Any, Final

import structlog
from django.conf import settings
from django.http import parse_cookie
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import BasePermission
from rest_framework.request import Request as RestRequest

from accounts.networks import client_address
from accounts.selectors import (
    KeyFacts,
    api_key_cached,
    api_key_find,
    api_keys_refresh,
    api_keys_refresh_due,
    session_organisation,
)
from api.http import Request
from api.rate_limits import RequestLimits
from core.errors import Code, CuxError
from core.quotas import Quota
from core.threads import in_thread

log = structlog.get_logger(__name__)

LIMITS: Final = RequestLimits(Quota(limit=settings.REQUEST_LIMIT, window_s=1))
"""What a key, or an address without one, may ask of this process."""


def bearer_secret(header: str | None) -> str | None:
    """Return the secret of an Authorization header; None if there is no header.

    Raises:
        CuxError: INVALID_API_KEY, the header is not `Bearer <key>`.
    """
    if header is None:
        return None
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise CuxError(Code.INVALID_API_KEY)
    return secret.strip()


async def authenticate(request: Request, *scopes: str) -> KeyFacts:
    """Return for whom a plain ASGI request speaks, and check that its key has one of the scopes.

    Raises:
        CuxError: INVALID_API_KEY; ADDRESS_NOT_ALLOWED; MISSING_SCOPE; RATE_LIMITED.
    """
    facts = _required(await authenticate_if_given(request))
    facts.require(*scopes)
    return facts


async def authenticate_trader(request: Request) -> KeyFacts:
    """Return whose orders a request brings; they are counted at the sequencer's door, and not here.

    Raises:
        CuxError: INVALID_API_KEY; ADDRESS_NOT_ALLOWED; MISSING_SCOPE.
    """
    facts = _required(await _identify(request))
    facts.require("trade")
    return facts


async def authenticate_if_given(request: Request) -> KeyFacts | None:
    """Return for whom the request speaks; None without a key.

    Raises:
        CuxError: INVALID_API_KEY, there is a key and it is not valid; ADDRESS_NOT_ALLOWED; RATE_LIMITED.
    """
    facts = await _identify(request)
    LIMITS.count(request.scope, facts.key_id if facts is not None else _address(request))
    return facts


async def _identify(request: Request) -> KeyFacts | None:
    try:
        secret = bearer_secret(request.header("authorization"))
        if secret is None:
            return None
        cached = api_key_cached(secret)
        if cached is not None and api_keys_refresh_due():
            _behind(in_thread(api_keys_refresh))
        facts = cached if cached is not None else await in_thread(api_key_find, secret)
    except CuxError:
        LIMITS.count(request.scope, _address(request))
        raise
    if facts.networks:
        facts.require_address(_address(request))
    _bind(facts)
    return facts


def _required(facts: KeyFacts | None) -> KeyFacts:
    if facts is None:
        raise CuxError(Code.INVALID_API_KEY)
    return facts


_under_way: set[asyncio.Task[None]] = set()


def _behind(work: Coroutine[Any, Any, None]) -> None:
    """Have this done without anybody waiting for it. If it fails, the next request reads its key itself."""
    task = asyncio.create_task(work)
    _under_way.add(task)  # the loop alone would let it go
    task.add_done_callback(_done)


def _done(task: asyncio.Task[None]) -> None:
    _under_way.discard(task)
    if not task.cancelled() and task.exception() is not None:
        log.warning("api_keys_not_refreshed", reason=repr(task.exception()))


async def account_caller(request: Request) -> uuid.UUID:
    """Return the organisation whose account is asked for: of a key with the scope `read`, or signed in.

    Raises:
        CuxError: INVALID_API_KEY, neither; MISSING_SCOPE.
    """
    facts = await authenticate_if_given(request)
    if facts is not None:
        facts.require("read")
        return facts.organisation_id
    session_key = parse_cookie(request.header("cookie") or "").get(settings.SESSION_COOKIE_NAME)
    organisation_id = await in_thread(session_organisation, session_key) if session_key is not None else None
    if organisation_id is None:
        raise CuxError(Code.INVALID_API_KEY)
    return organisation_id


def _address(request: Request) -> str:
    """Return whom a plain ASGI request comes from; text that is no address if the server does not say."""
    client = request.scope.get("client")
    forwarded = [value for name, value in request.scope["headers"] if name == b"x-forwarded-for"]
    return client_address(
        client[0] if client else "", b",".join(forwarded).decode("latin-1"), settings.TRUSTED_PROXIES
    )


def _bind(facts: KeyFacts) -> None:
    structlog.contextvars.bind_contextvars(**facts.labels)


class ApiKeyAuthentication(BaseAuthentication):
    """Puts the key's `KeyFacts` in `request.auth`. A key that is present but not valid is refused."""

    def authenticate(self, request: RestRequest) -> tuple[None, KeyFacts] | None:
        """Return the facts, or None without a key."""
        header = get_authorization_header(request).decode("latin-1")
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
        address = client_address(request.META.get("REMOTE_ADDR", ""), forwarded, settings.TRUSTED_PROXIES)
        who: uuid.UUID | str = address
        try:
            secret = bearer_secret(header or None)
            facts = api_key_find(secret) if secret is not None else None
            who = facts.key_id if facts is not None else address
        finally:
            LIMITS.count(getattr(request._request, "scope", {}), who)
        if facts is None:
            return None
        facts.require_address(address)
        _bind(facts)
        return None, facts

    def authenticate_header(self, request: RestRequest) -> str:
        """Return the scheme for 401 answers."""
        return 'Bearer realm="cux"'


def caller(request: RestRequest) -> KeyFacts:
    """Return for whom a REST request speaks; the view's permission has checked that there is a key."""
    assert isinstance(request.auth, KeyFacts)
    return request.auth


class HasScope(BasePermission):
    """Base of the permissions below: a key with one of `scopes`."""

    scopes: tuple[str, ...] = ()

    def has_permission(self, request: RestRequest, view: Any) -> bool:
        """Tell whether the key has the scope; raises CuxError naming what is missing."""
        if not isinstance(request.auth, KeyFacts):
            raise CuxError(Code.INVALID_API_KEY)
        request.auth.require(*self.scopes)
        return True


class CanRead(HasScope):
    """Needs the scope `read`."""

    scopes = ("read",)


class CanTrade(HasScope):
    """Needs the scope `trade`."""

    scopes = ("trade",)


class CanInfer(HasScope):
    """Needs the scope `infer`."""

    scopes = ("infer",)


class CanManageKeys(HasScope):
    """Needs the scope `keys`."""

    scopes = ("keys",)


class ReadsOrManagesKeys(BasePermission):
    """Needs the scope `read` to look at API keys, and `keys` to change them."""

    def has_permission(self, request: RestRequest, view: Any) -> bool:
        """Tell whether the key has the scope; raises CuxError naming what is missing."""
        return (CanRead() if request.method == "GET" else CanManageKeys()).has_permission(request, view)


class ReadsOrTrades(BasePermission):
    """Needs the scope `read` to look, and `trade` to change."""

    def has_permission(self, request: RestRequest, view: Any) -> bool:
        """Tell whether the key has the scope; raises CuxError naming what is missing."""
        return (CanRead() if request.method == "GET" else CanTrade()).has_permission(request, view)


class _CanWithdraw(HasScope):
    scopes = ("withdraw",)


class ReadsOrWithdraws(BasePermission):
    """Needs the scope `read` to look, and `withdraw` to have money leave."""

    def has_permission(self, request: RestRequest, view: Any) -> bool:
        """Tell whether the key has the scope; raises CuxError naming what is missing."""
        return (CanRead() if request.method == "GET" else _CanWithdraw()).has_permission(request, view)


class CanOperate(HasScope):
    """Needs the scope `operate`, which only the house's keys have."""

    scopes = ("operate",)


class CanInferOrProvide(HasScope):
    """Needs one of the scopes `infer` and `provide`."""

    scopes = ("infer", "provide")


class CanReadOrInfer(HasScope):
    """Needs one of the scopes `read` and `infer`."""

    scopes = ("read", "infer")
