"""Requests to addresses that customers wrote: only to public hosts, at the very address that was checked.

The name is resolved once, every address it has must be public, and the connection goes to one of those: a
name that resolves otherwise a moment later (rebinding) leads nowhere else. Only https, no redirects, no
proxies of the environment, no user and password in the URL. TLS is verified against the name.
"""

import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

import httpx

Resolve = Callable[[str, int], Sequence[str]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
    """POST to an address that a customer wrote, and return the answer's status.

    Raises:
        EgressError: the URL or its host is not allowed, or nobody answered in time.
    """
    parts = check_url(url, allowed=allowed)
    host = parts.hostname or ""
    addresses = resolver(host, parts.port or 443)
    for address in addresses:
        if not _is_public(address, allowed):
            raise EgressError(f"The host {host} is not a public one.")
    if not addresses:
        raise EgressError(f"The host {host} is not found.")
    pinned = httpx.URL(url).copy_with(host=addresses[0])
    sent = {**headers, "Host": parts.netloc}
    try:
        with (
            httpx.Client(trust_env=False, timeout=timeout_s, follow_redirects=False) as client,
            client.stream(
                "POST", pinned, content=body, headers=sent, extensions={"sni_hostname": host}
            ) as answer,
        ):
            return answer.status_code
    except httpx.HTTPError as error:
        raise EgressError(f"{host} did not answer: {type(error).__name__}.") from error


def _is_public(address: str, allowed: Sequence[Network]) -> bool:
    """Tell whether an address belongs to the public internet, also in IPv6 clothing, or is allowed."""
    found = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or (found.sixtofour or found)
    return (found.is_global and not found.is_multicast) or any(found in network for network in allowed)
