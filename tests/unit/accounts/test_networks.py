"""Addresses, the networks they lie in, and whom a request comes from behind proxies."""

import pytest

from accounts.networks import client_address, covers, is_within, parse_networks

OFFICE = parse_networks(["192.0.2.0/24", "2001:db8::/32"])


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.7", True),
        ("192.0.3.7", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("::ffff:192.0.2.7", True),
        ("::ffff:192.0.3.7", False),
        ("", False),
        ("unix:", False),
        ("192.0.2.7.8", False),
    ],
)
def test_an_address_lies_in_a_network_or_not(address, inside):
    assert is_within(address, OFFICE) is inside


@pytest.mark.parametrize("text", ["", "x", "192.0.2.1/24", "192.0.2.0/33", "1/2/3"])
def test_what_is_no_network_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_networks([text])


@pytest.mark.parametrize(
    ("inner", "covered"),
    [("192.0.2.128/25", True), ("192.0.0.0/16", False), ("2001:db8:1::/48", True), ("0.0.0.0/0", False)],
)
def test_a_network_lies_in_another_one_or_not(inner, covered):
    assert covers(OFFICE, parse_networks([inner])[0]) is covered


PROXIES = parse_networks(["10.0.0.0/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", "203.0.113.5", "192.0.2.7"),  # not our proxy: what it says is hearsay
        ("10.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.5", "203.0.113.5"),  # the caller made the first up
        ("10.0.0.1", "203.0.113.5, 10.0.0.2", "203.0.113.5"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.5,nonsense", "nonsense"),
    ],
)
def test_only_trusted_proxies_say_for_whom_they_speak(peer, forwarded, client):
    assert client_address(peer, forwarded, PROXIES) == client
