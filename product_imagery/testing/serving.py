"""Serves stand-ins on loopback, over real HTTP. Needs uvicorn: ``pip install product-imagery[testing]``."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import uvicorn

from product_imagery.testing.stand_in import Fault, Request, StandInServer, content_of

_PAGE = {"Content-Type": "text/html"}


@contextlib.contextmanager
def serving(server: StandInServer, port: int = 0) -> Iterator[str]:
    """Serve until the end of the block; yields ``http://127.0.0.1:<port>``, which is ``server.base`` as well."""
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    server.base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(_App(server), lifespan="off", log_config=None, access_log=False, proxy_headers=False)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield server.base
    finally:
        running.should_exit = running.force_exit = True
        thread.join(10)
        listener.close()


class _App:
    """The stand-ins as an ASGI application."""

    def __init__(self, server: StandInServer) -> None:
        self.server = server

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        pieces = [message.get("body", b"")]
        while message.get("more_body"):
            message = await receive()
            pieces.append(message.get("body", b""))
        if message["type"] == "http.disconnect":  # the caller died while it was sending
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self.server.headers.append(headers | {":path": scope["path"], ":client": str(scope["client"])})
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        slug, _, path = scope["path"].lstrip("/").partition("/")
        await self._serve(slug, Request(scope["method"], f"/{path}", query, b"".join(pieces), headers), send)

    async def _serve(self, slug: str, request: Request, send: Any) -> None:
        server, posts = self.server, request.method == "POST"
        kind = "download" if slug == "files" else "create" if posts else "look"
        await server.at(f"{kind} arrived")
        route = f"{slug}.{'create' if posts else 'read'}"
        if slug != "files":
            server.calls.append((time.time(), slug, route))
        fault = await self._fault(route)
        if fault and fault.kind == "drop":
            await _cut(send)
        elif fault and (fault.kind == "status" or slug == "files"):
            await _send(send, fault.status, fault.body, fault.headers)
        elif slug == "files":
            await _send(send, 200, server.picture, {"Content-Type": "image/png"})
        elif slug in server.stand_ins:
            await self._work(slug, request, kind, fault, send)
        elif slug == "pages":
            await _send(send, 200, b"<html>Welcome</html>", _PAGE)
        else:
            await _send(send, 404, b"404 page not found", _PAGE)

    async def _work(self, slug: str, request: Request, kind: str, fault: Fault | None, send: Any) -> None:
        server = self.server
        status, content = server.respond(slug, request)
        await server.at(f"{kind} done")
        if fault and fault.kind == "lose":
            await _cut(send)
        elif fault:
            await _send(send, fault.status, fault.body, fault.headers)
        else:
            await _send(send, status, content_of(content), {"Content-Type": "application/json"})
            await server.at(f"{kind} answered")

    async def _fault(self, route: str) -> Fault | None:
        fault = self.server.fault(route)
        if fault is None or fault.kind != "hang":
            return fault
        while not self.server.released.is_set():
            await asyncio.sleep(0.01)
        return None


async def _send(send: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
    sent = [(name.encode(), value.encode()) for name, value in {**headers, "Content-Length": str(len(body))}.items()]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


async def _cut(send: Any) -> None:
    """Close without a response, as a lost connection looks to the caller: no part of ASGI, but of uvicorn."""
    cycle = send.__self__
    cycle.transport.close()
    while not cycle.disconnected:
        await asyncio.sleep(0)
