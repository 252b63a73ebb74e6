"""What a customer writes as an address reaches only public hosts, and only the address that was checked."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from core.egress import EgressError, check_url, post, resolve

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://",
        "https:///path",
        "//example.com/",
        "https://user:secret@example.com/",
        "https://user@example.com/",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: other",
        "https://example.com\\@other.com/",
        "https://[::1/",
        "https://exämple.com/",
        "",
    ],
)
def test_an_address_that_is_no_plain_https_one_is_refused(url):
    with pytest.raises(EgressError):
        check_url(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "ff02::1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "::7f00:1",
        "::ffff:0:7f00:1",
        "fec0::1",
    ],
)
def test_a_host_with_an_address_that_is_not_public_is_refused(address):
    with pytest.raises(EgressError, match="not a public one"):
        post("https://h.example/", body=b"", headers={}, timeout_s=1, resolver=lambda *_: [address])


def test_one_bad_address_among_good_ones_is_enough():
    addresses = ["93.184.216.34", "10.0.0.1"]
    with pytest.raises(EgressError, match="not a public one"):
        post("https://h.example/", body=b"", headers={}, timeout_s=1, resolver=lambda *_: addresses)


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "017700000001", "127.1", "localhost"])
def test_other_spellings_of_loopback_are_found_out(host):
    with pytest.raises(EgressError):
        post(f"https://{host}/", body=b"", headers={}, timeout_s=1)


class Hearing(BaseHTTPRequestHandler):
    """Notes what arrives, and answers what it is told to."""

    heard: list[tuple[str, str, bytes]]
    answer = 204

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((self.path, self.headers["Host"], body))
        self.send_response(self.answer)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def hearing() -> Iterator[tuple[int, type[Hearing]]]:
    class Here(Hearing):
        heard: list[tuple[str, str, bytes]] = []

    server = HTTPServer(("127.0.0.1", 0), Here)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, Here
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_connects_to_the_address_that_was_checked_whatever_the_name_resolves_to_later(hearing):
    port, here = hearing
    asked: list[str] = []

    def once(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    url = f"http://h.example:{port}/hook?a=1"
    status = post(url, body=b"{}", headers={}, timeout_s=5, allowed=LOOPBACK, resolver=once)
    assert (status, asked) == (204, ["h.example"])
    assert here.heard == [("/hook?a=1", f"h.example:{port}", b"{}")]


def test_a_redirect_is_an_answer_and_is_not_followed(hearing):
    port, here = hearing
    here.answer = 302
    assert post(f"http://127.0.0.1:{port}/", body=b"", headers={}, timeout_s=5, allowed=LOOPBACK) == 302


def test_who_does_not_answer_in_time_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(EgressError, match=r"did not answer within 0\.05 s"):
            post(url, body=b"", headers={}, timeout_s=0.05, allowed=LOOPBACK)


def test_a_byte_now_and_then_does_not_prolong_it():
    over = threading.Event()

    def drip(listening: socket.socket) -> None:
        taken, _ = listening.accept()
        with taken:
            taken.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not over.wait(0.05):
                try:
                    taken.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        dripping = threading.Thread(target=drip, args=(listening,))
        dripping.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        try:
            with pytest.raises(EgressError, match=r"did not answer within 0\.3 s"):
                post(url, body=b"", headers={}, timeout_s=0.3, allowed=LOOPBACK)
        finally:
            over.set()
            dripping.join()


def test_a_name_that_is_looked_up_for_ever_is_given_up():
    over = threading.Event()

    def never(_host: str, _port: int) -> list[str]:
        over.wait(30)
        return []

    try:
        with pytest.raises(EgressError, match=r"did not answer within 0\.05 s"):
            post("https://h.example/", body=b"", headers={}, timeout_s=0.05, resolver=never)
    finally:
        over.set()


def test_a_host_that_is_not_found_says_so():
    with pytest.raises(EgressError, match="not found"):
        resolve("no-such-host.invalid", 443)
