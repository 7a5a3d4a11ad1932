"""The other side of a shop: a server on loopback with pictures to fetch, which also takes our events."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One event as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """What it says."""
        return dict(json.loads(self.body))


@dataclass
class OtherSide:
    """Answers with ``pictures`` by path; takes events and answers by ``answers``, then with 200 and the challenge."""

    address: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)  #: more of them, by path
    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    slow: float = 0.0  #: seconds before an event is answered
    echoes: bool = True  #: whether challenges are answered

    def events(self) -> list[dict[str, Any]]:
        """What was said, challenges left out."""
        return [one.event for one in self.received if one.event["type"] != "endpoint.verification"]


@contextlib.contextmanager
def other_side() -> Iterator[OtherSide]:
    """Run one."""
    side = OtherSide()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            side.fetched.append(self.path)
            content = side.pictures.get(self.path)
            more = side.headers.get(self.path, {})
            self._answer(200 if content is not None else 404, more, content or b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            side.received.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            time.sleep(side.slow)
            if side.answers:
                self._answer(*side.answers.pop(0))
                return
            challenge = json.loads(body)["data"].get("challenge", "") if side.echoes else ""
            self._answer(200, {}, json.dumps({"challenge": challenge}).encode())

        def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    side.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield side
    finally:
        server.shutdown()
        server.server_close()
