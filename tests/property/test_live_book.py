"""A live book is what its deltas say, and its checksum is that of its best ten levels."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from cux.wire.live_book import LiveBook

sides = st.sampled_from(["bid", "ask"])
changes = st.lists(st.tuples(sides, st.integers(1, 40), st.integers(0, 3)), max_size=200)


@given(changes, st.integers(1, 50))
def test_levels_and_checksum_are_those_of_a_plain_dictionary(levels, cut) -> None:
    book = LiveBook()
    for start in range(0, len(levels), cut):  # however the changes are cut into events
        book.change(levels[start : start + cut])
    plain = {(side, price): lots for side, price, lots in levels}
    bids = sorted(((p, n) for (s, p), n in plain.items() if s == "bid" and n), reverse=True)
    asks = sorted((p, n) for (s, p), n in plain.items() if s == "ask" and n)
    assert (book.bids(99), book.asks(99), book.size) == (bids, asks, len(bids) + len(asks))
    text = "".join(f"bid:{p}:{n}," for p, n in bids[:10]) + "".join(f"ask:{p}:{n}," for p, n in asks[:10])
    assert book.checksum() == zlib.crc32(text.encode())
    assert LiveBook(book.bids(99), book.asks(99)).checksum() == book.checksum()
