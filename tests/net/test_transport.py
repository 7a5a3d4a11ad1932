"""Calls of providers end: by an answer, by a reason, or by the clock. Raw sockets play the servers."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from product_imagery.exceptions import NotSent, ProviderUnavailable
from product_imagery.net.transport import Transport
from product_imagery.provider_kit.requests import HttpRequest
from tests.fakes.server import KEYS, Fakes
from tests.fakes.server import serving as fake_providers

_ASK = HttpRequest("GET", "thing")
_CREATE = HttpRequest("POST", "thing", b"{}", creates=True)


@contextlib.contextmanager
def serving(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does ``behave`` with each connection after the request's head has arrived."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65_536)
                    behave(connection)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _drip(head: bytes, sent_all: list[bool]) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.1)
        sent_all.append(True)

    return behave


@pytest.mark.parametrize("request_", [_ASK, _CREATE])
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
    ],
)
def test_no_server_holds_a_call_longer_than_the_wall_clock(head: bytes, request_: HttpRequest) -> None:
    sent_all: list[bool] = []
    with (
        serving(_drip(head, sent_all)) as base,
        closing(Transport(wall_seconds=0.5)) as transport,
        pytest.raises(ProviderUnavailable, match="lost"),
    ):
        transport.send(base, request_, {})
    assert not sent_all


def test_a_kept_connection_has_a_new_clock_for_each_call() -> None:
    def polite(connection: socket.socket) -> None:
        for _ in range(3):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            time.sleep(0.3)
            connection.recv(65_536)

    with serving(polite) as base, closing(Transport(wall_seconds=0.8)) as transport:
        for _ in range(3):
            assert transport.send(base, _ASK, {}).body == b"{}"
            time.sleep(0.3)


def test_what_never_arrived_is_told_from_what_may_have() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with closing(Transport()) as transport:
        with pytest.raises(NotSent):
            transport.send(closed, _CREATE, {})
        with serving(lambda connection: None) as base, pytest.raises(ProviderUnavailable):
            transport.send(base, _CREATE, {})


@pytest.mark.parametrize("tenths", range(10))
def test_a_body_that_was_cut_off_is_never_called_unsent(tenths: int) -> None:
    """A4: the other side reads a part of it and resets; nobody here can tell what it has read."""
    body = bytes(2_000_000)

    def reset(connection: socket.socket) -> None:
        left = len(body) * tenths // 10
        while left > 0:
            left -= len(connection.recv(min(left, 65_536)))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    create = HttpRequest("POST", "thing", body, creates=True)
    with serving(reset) as base, closing(Transport()) as transport, pytest.raises(ProviderUnavailable):
        transport.send(base, create, {})


def test_a_create_has_a_connection_to_itself() -> None:
    """Also where others end at the same moment: a connection closed under a create's hands would be a lost answer."""
    fakes = Fakes()
    create = HttpRequest("POST", "api/generate", b"{}", {"Content-Type": "application/json"}, creates=True)
    key = {"x-api-key": KEYS["productai"]}
    with fake_providers(fakes) as base, closing(Transport()) as transport, ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda _: transport.send(f"{base}/productai", create, key).status, range(1500)))
    assert answers == [200] * 1500
    assert fakes.charged("productai") == 1500
    assert len({call[":client"] for call in fakes.headers}) == 1500


def test_closing_leaves_a_call_that_is_under_way_alone() -> None:
    asked, go = threading.Event(), threading.Event()

    def late(connection: socket.socket) -> None:
        asked.set()
        go.wait(20)
        _good(connection)

    transport = Transport()
    with serving(late) as base, ThreadPoolExecutor(1) as threads:
        call = threads.submit(transport.send, base, _CREATE, {})
        assert asked.wait(20)
        transport.close()
        go.set()
        assert call.result(20).status == 200


def test_looks_share_connections() -> None:
    fakes = Fakes()
    with fake_providers(fakes) as base, closing(Transport()) as transport:
        for _ in range(5):
            transport.send(f"{base}/aigenstudio", HttpRequest("GET", "v1/image-presets"), {})
    assert len({call[":client"] for call in fakes.headers}) == 1


@pytest.mark.parametrize("header", [b"Content-Length: 2000000", b"Transfer-Encoding: chunked"])
def test_a_huge_answer_is_not_read_to_its_end(header: bytes) -> None:
    sent = [0]

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + header + b"\r\n\r\n")
        for _ in range(1000):
            piece = b"10000\r\n" + b" " * 65_536 + b"\r\n" if b"chunked" in header else b" " * 65_536
            connection.sendall(piece)
            sent[0] += len(piece)

    with serving(flood) as base, closing(Transport()) as transport, pytest.raises(ProviderUnavailable) as caught:
        transport.send(base, _ASK, {})
    assert "1 MiB" in caught.value.detail
    assert sent[0] < 40_000_000


def test_a_compressed_answer_is_refused() -> None:
    def zipped(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00")

    with serving(zipped) as base, closing(Transport()) as transport, pytest.raises(ProviderUnavailable) as caught:
        transport.send(base, _ASK, {})
    assert "compressed" in caught.value.detail


def test_a_large_body_is_not_sent_longer_than_the_wall_clock() -> None:
    """E10: the other side reads a little of it now and then, so that no single write is slow."""
    read_all = []

    def sip(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        for _ in range(200):
            connection.recv(65_536)
            time.sleep(0.1)
        read_all.append(True)

    create = HttpRequest("POST", "thing", bytes(13_000_000), creates=True)
    with (
        serving(sip) as base,
        closing(Transport(wall_seconds=1.0)) as transport,
        pytest.raises(ProviderUnavailable),
    ):
        transport.send(base, create, {})
    assert not read_all


def _good(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_importing_us_leaves_the_loggers_of_other_libraries_as_they_are() -> None:
    program = (
        "import logging; names = ('httpx', 'httpcore')\n"
        "for name in names: logging.getLogger(name).setLevel('DEBUG')\n"
        "import product_imagery.net.transport, product_imagery.net.download\n"
        "print(*(logging.getLogger(name).level for name in names))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.split() == [str(logging.DEBUG)] * 2


def test_the_most_talkative_log_shows_neither_key_nor_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(_good) as base, closing(Transport()) as transport:
        asked = HttpRequest("GET", "thing?signature=sig-canary")
        assert transport.send(base, asked, {"x-api-key": "key-canary"}).status == 200
    assert "httpcore" in {record.name.partition(".")[0] for record in caplog.records}
    assert "canary" not in caplog.text
