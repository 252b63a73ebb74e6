"""Requests to addresses that customers wrote: only to public hosts, at the very address that was checked.

The name is resolved once, every address it has must be public, and the connection goes to one of those: a
name that resolves otherwise a moment later (rebinding) leads nowhere else. Only https, no redirects, no
proxies of the environment, no user and password in the URL. TLS is verified against the name. A request has
one deadline for all of it, looking up the name too: whoever sends a byte now and then gains nothing.
"""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx

Resolve = Callable[[str, int], Sequence[str]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SITE_LOCAL: Final = ipaddress.ip_network("fec0::/10")


class EgressError(Exception):
    """It was not sent, or not answered; the message says why."""


def check_url(url: str, *, allowed: Sequence[Network] = ()) -> SplitResult:
    """Return the parts of a URL that requests may go to; its host is not looked up yet.

    With `allowed` networks, which an operator names for tests and inner networks, http will do as well.

    Raises:
        EgressError: it is not https, has no host, a user, a fragment, or characters no URL has.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EgressError(f"The URL cannot be read: {error}.") from error
    if not url.isascii() or any(character <= " " or character in '\\"<>' for character in url):
        raise EgressError("The URL holds characters that no URL has.")
    if parts.scheme != "https" and not (allowed and parts.scheme == "http"):
        raise EgressError("The URL has to begin with https://.")
    if not parts.hostname or parts.username is not None or parts.fragment or port == 0:
        raise EgressError("The URL has to be a host and a path, without user or fragment.")
    return parts


def resolve(host: str, port: int) -> Sequence[str]:
    """Return every address of a host.

    Raises:
        EgressError: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise EgressError(f"The host {host} is not found.") from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    timeout_s: float,
    allowed: Sequence[Network] = (),
    resolver: Resolve = resolve,
) -> int:
    """POST to an address that a customer wrote, and return the answer's status, within `timeout_s` in all.

    Raises:
        EgressError: the URL or its host is not allowed, or nobody answered in time.
    """
    parts = check_url(url, allowed=allowed)
    host = parts.hostname or ""
    ends_s = time.monotonic() + timeout_s
    try:
        addresses = _looked_up(resolver, host, parts.port or 443, timeout_s)
        for address in addresses:
            if not _is_public(address, allowed):
                raise EgressError(f"The host {host} is not a public one.")
        if not addresses:
            raise EgressError(f"The host {host} is not found.")
        pinned = httpx.URL(url).copy_with(host=addresses[0])
        request = httpx.Request(
            "POST",
            pinned,
            content=body,
            headers={**headers, "Host": parts.netloc},
            extensions={"sni_hostname": host},
        )
        return asyncio.run(_status(request, ends_s - time.monotonic()))
    except TimeoutError as error:
        raise EgressError(f"{host} did not answer within {timeout_s:g} s.") from error
    except httpx.HTTPError as error:
        raise EgressError(f"{host} did not answer: {type(error).__name__}.") from error


def _looked_up(resolver: Resolve, host: str, port: int, timeout_s: float) -> Sequence[str]:
    """Look a name up in a thread, which is left to itself when the time is over: it cannot be ended."""
    executor = ThreadPoolExecutor(1, thread_name_prefix="resolve")
    try:
        return executor.submit(resolver, host, port).result(timeout_s)
    finally:
        executor.shutdown(wait=False)


async def _status(request: httpx.Request, timeout_s: float) -> int:
    """Send it and return the status; the body of the answer is not read. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s), httpx.AsyncClient(trust_env=False, timeout=None) as client:  # noqa: S113
        answer = await client.send(request, stream=True)
        await answer.aclose()
        return answer.status_code


def _is_public(address: str, allowed: Sequence[Network]) -> bool:
    """Tell whether an address belongs to the public internet, also in IPv6 clothing, or is allowed.

    What IPv6 reserves (::/8 holds NAT64 and the other forms with an IPv4 address inside) is not public.
    """
    found = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or (found.sixtofour or found)
    hidden = found.is_multicast or found.is_reserved or found in _SITE_LOCAL
    return (found.is_global and not hidden) or any(found in network for network in allowed)
