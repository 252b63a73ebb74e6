"""Orders as they go over the wire, made before they are sent."""

import itertools
from collections.abc import Callable, Iterator

Requests = Callable[[str], list[Iterator[bytes]]]
"""Makes endless requests for every connection; their keys begin with the given text."""

_KEY = "KEY_OF_REQUEST"


def order_json(symbol: str, number: int, takes_each: int) -> str:
    """Return an order of one lot: a bid at one of fifty prices; each `takes_each`-th sells to one."""
    takes = number % takes_each == takes_each - 1
    side, tif = ("sell", "IOC") if takes else ("buy", "GTC")
    price = 1_000 if takes else 1_000 + number * 7 % 50
    return (
        f'{{"instrument":"{symbol}","side":"{side}","tif":"{tif}","price_ticks":{price},"quantity_lots":1}}'
    )


def singles(secret: str, symbol: str, prefix: str, takes_each: int) -> Iterator[bytes]:
    """Give requests of one order each."""
    bodies = [order_json(symbol, number, takes_each) for number in range(50 * takes_each)]
    return _endless("/v1/orders", bodies, secret, prefix)


def batches(secret: str, symbol: str, prefix: str, takes_each: int, size: int) -> Iterator[bytes]:
    """Give requests of a batch of orders each."""
    items = [
        '{"op":"new",' + order_json(symbol, number, takes_each)[1:] for number in range(size * takes_each)
    ]
    bodies = [
        f'{{"items":[{",".join(items[start : start + size])}]}}' for start in range(0, len(items), size)
    ]
    return _endless("/v1/orders/batch", bodies, secret, prefix)


def _endless(path: str, bodies: list[str], secret: str, prefix: str) -> Iterator[bytes]:
    split = [tuple(_request(path, body, secret).split(_KEY.encode())) for body in bodies]
    for number, (head, tail) in enumerate(itertools.cycle(split)):
        yield b"%s%s-%d%s" % (head, prefix.encode(), number, tail)


def _request(path: str, body: str, secret: str) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {secret}\r\nIdempotency-Key: {_KEY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
