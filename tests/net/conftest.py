"""A server that a test tells what to do, let through by FETCH_ALLOW."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from product_imagery.net.connections import Connections


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    seen: list[dict[str, str]]
    asked: list[str]
    trusting: Connections  #: with which a test fetches from names that the server has a certificate for
    answer: Callable[[Any], None]


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    """A server that does what ``server.answer`` says, let through by the setting."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.seen.append({name.lower(): value for name, value in self.headers.items()})
            server.answer(self)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    server.seen = []
    settings.PRODUCT_IMAGERY = {"FETCH_ALLOW": (f"127.0.0.1:{server.server_address[1]}",)}
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def url_of(server: Server, path: str = "/a.png") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def send(handler: Any, status: int = 200, body: bytes = b"bytes", **headers: str) -> None:
    handler.send_response(status)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in ({"Content-Length": str(len(body))} | given).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
