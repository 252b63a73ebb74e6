"""Addresses and the networks they lie in, in CIDR notation. Pure."""

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks that the texts name; an address alone is the network of that one address.

    Raises:
        ValueError: one names none, or has bits set beyond its prefix.
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Tell whether an address lies in one of the networks; what is no address lies in none.

    An IPv4 address in IPv6 clothing (`::ffff:192.0.2.1`) counts as what it is.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found
    return any(plain in network for network in networks)


def covers(outer: Iterable[Network], inner: Network) -> bool:
    """Tell whether one of the outer networks holds all of the inner one."""
    return any(
        inner.version == network.version and inner.subnet_of(network)  # type: ignore[arg-type]
        for network in outer
    )


def client_address(peer: str, forwarded_for: str | None, proxies: tuple[Network, ...]) -> str:
    """Return whom a request comes from: the connection's peer, or whom trusted proxies say they speak for.

    Of X-Forwarded-For the last entries count, which our own proxies appended: going back from the peer, the
    first address that is not a trusted proxy. What the caller wrote himself stands before it.
    """
    address = peer
    said = [part.strip() for part in forwarded_for.split(",")] if forwarded_for else []
    while said and is_within(address, proxies):
        address = said.pop()
    return address
