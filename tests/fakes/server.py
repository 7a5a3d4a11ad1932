"""Fake hosted providers on loopback, written from their contracts: real HTTP, a ledger of charges, knobs for faults."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import socket
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from PIL import Image

KEYS = {
    "aigenstudio": "aigen_live_loopback_key_0001",
    "productai": "loopbackkey00000000000000000001",
    "paqshot": "pk_live_loopback_key_0001",
    "pergai": "pk_loopback_key_0001",
}
_PAGE = {"Content-Type": "text/html"}
SANDBOX_KEY = "aigen_test_loopback_key_0001"


@dataclass
class Created:
    """One thing that was charged."""

    provider: str
    id: str
    body: dict[str, Any]
    cost: int
    at: float
    key: str = ""


@dataclass
class Fault:
    """What goes wrong on a route: ``before`` or ``after`` the work was done, for ``times`` calls."""

    kind: str
    times: int
    status: int = 500
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    skip: int = 0  #: calls that go well before


def own_envelope(provider: str, code: str, message: str) -> bytes:
    """An error as this provider writes it."""
    envelopes: dict[str, dict[str, Any]] = {
        "aigenstudio": {"error": {"code": code, "message": message, "request_id": "req_0"}},
        "productai": {"name": code, "message": message, "details": ""},
        "paqshot": {"error": code, "message": message},
        "pergai": {"message": message},
    }
    return json.dumps(envelopes[provider]).encode() if provider in envelopes else b""


class Fakes:
    """The state of all providers. ``work_seconds``: how long a job takes; ``calls`` logs (moment, provider, route)."""

    def __init__(self, work_seconds: float = 0.0) -> None:
        self.work_seconds = work_seconds
        self.created: list[Created] = []
        self.products: list[dict[str, Any]] = []  #: of PergAI: they cost nothing
        self.collections: dict[str, dict[str, Any]] = {}  #: of PergAI
        self.list_name = "generations"  #: what PergAI wraps the list of jobs in
        self.calls: list[tuple[float, str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: dict[str, Fault] = {}
        self.words: dict[str, str] = {}  #: job id → a status to answer with instead
        self.bad_items: dict[str, str] = {}  #: external id → error code
        self.lock = threading.Lock()
        self.released = threading.Event()  #: ends ``hang``
        self.picture = _picture((90, 140, 90))
        self._keys: dict[str, tuple[str, str]] = {}
        self._number = 41_000

    def fail(self, route: str, kind: str, times: int = 1, **facts: Any) -> None:
        """Let the next calls of a route go wrong: ``lose``, ``after`` (work done), ``drop``, ``status`` (not done).

        ``hang``: they go well, once ``released`` is set. A refusal without a ``body`` has the provider's own envelope.
        """
        fault = Fault(kind, times, **facts)
        if kind == "status" and 400 <= fault.status < 500 and "body" not in facts:
            fault.body = own_envelope(route.partition(".")[0], "refused", "Not so.")
        self.faults[route] = fault

    def charged(self, provider: str) -> int:
        """How many pictures were charged."""
        return sum(1 for one in self.created if one.provider == provider)

    def fault(self, route: str) -> Fault | None:
        """The fault of this call, used up."""
        with self.lock:
            fault = self.faults.get(route)
            if fault is None or fault.times <= 0:
                return None
            if fault.skip > 0:
                fault.skip -= 1
                return None
            fault.times -= 1
            return fault

    # ---- AI Gen Studio

    def aigenstudio(self, method: str, path: str, query: dict[str, str], body: bytes, headers: dict[str, str]) -> Any:
        if path.endswith("-presets"):
            return 200, {"presets": [{"id": "single_product_white_background", "name": "White"}], "request_id": "r"}
        key = headers.get("authorization", "").removeprefix("Bearer ")
        if key not in (KEYS["aigenstudio"], SANDBOX_KEY):
            return 401, {"error": {"code": "invalid_api_key", "message": "Bad key.", "request_id": "req_1"}}
        if method == "POST":
            return self._aigen_create(body, headers, 0 if key == SANDBOX_KEY else 5)
        found = next((one for one in self.created if one.key == path.rpartition("/")[2]), None)
        if found is None:
            return 404, {"error": {"code": "not_found", "message": "Not found.", "request_id": "req_2"}}
        batch = [one for one in self.created if one.key == found.key]
        return 200, {"enhancement": self._aigen_state(batch), "request_id": "req_3"}

    def _aigen_create(self, body: bytes, headers: dict[str, str], cost: int) -> Any:
        name, digest = headers.get("idempotency-key", ""), hashlib.sha256(body).hexdigest()
        with self.lock:
            known = self._keys.get(name)
            if known and known[0] != digest:
                return 409, {"error": {"code": "idempotency_conflict", "message": "Other body.", "request_id": "r"}}
            batch = known[1] if known else str(uuid.uuid4())
            if not known:
                self._keys[name] = (digest, batch)
                for image in json.loads(body)["images"]:
                    self.created.append(
                        Created("aigenstudio", image["external_id"], json.loads(body), cost, time.time(), batch)
                    )
        total = sum(1 for one in self.created if one.key == batch)
        enhancement = {"id": batch, "status": "queued", "total_items": total, "credits_reserved": cost * total}
        return 200, {"enhancement": enhancement, "remaining_paid_credits": 85, "request_id": "req_4"}

    def _aigen_state(self, batch: list[Created]) -> dict[str, Any]:
        done = time.time() - batch[0].at >= self.work_seconds
        status = self.words.get(batch[0].key, "completed" if done else "processing")
        items = []
        for one in batch:
            bad = self.bad_items.get(one.id)
            good = done and not bad
            items.append(
                {
                    "id": str(uuid.uuid4()), "external_id": one.id, "status": "completed" if good else "failed",
                    "result_url": self.file_url() if good else None, "error_code": bad, "error_message": None,
                }
            )  # fmt: skip
        used = batch[0].cost * sum(1 for item in items if item["result_url"])
        return {"id": batch[0].key, "status": status, "credits_used": used, "items": items}

    # ---- ProductAI.photo

    def productai(self, method: str, path: str, query: dict[str, str], body: bytes, headers: dict[str, str]) -> Any:
        if headers.get("x-api-key") != KEYS["productai"]:
            return 401, {"name": "ApiError", "message": "INVALID_API_KEY", "details": ""}
        if method == "POST":
            with self.lock:
                self._number += 1
                content = json.loads(body)
                cost = 20 if path.endswith("upscale") else 3
                self.created.append(Created("productai", str(self._number), content, cost, time.time()))
                data = {"id": self._number, "status": "RUNNING", "prompt": content.get("prompt")}
            return 200, {"status": "OK", "data": data}
        found = next((one for one in reversed(self.created) if one.id == path.rpartition("/")[2]), None)
        if found is None:
            return 404, {"name": "ApiError", "message": "JOB_NOT_FOUND", "details": ""}
        done = time.time() - found.at >= self.work_seconds
        status = self.words.get(found.id, "COMPLETED" if done else "RUNNING")
        data = {"id": int(found.id), "status": status, "prompt": found.body.get("prompt")}
        return 200, {"status": "OK", "data": data | ({"image_url": self.file_url()} if status == "COMPLETED" else {})}

    # ---- Paqshot

    def paqshot(self, method: str, path: str, query: dict[str, str], body: bytes, headers: dict[str, str]) -> Any:
        if headers.get("authorization") != f"Bearer {KEYS['paqshot']}":
            return 401, {"error": "unauthorized", "message": "Bad key."}
        if method == "POST":
            with self.lock:
                one = Created("paqshot", f"gen_{uuid.uuid4().hex}", json.loads(body), 1, time.time())
                self.created.append(one)
            return 202, self._paqshot_state(one) | {"status": "processing", "estimated_seconds": 5}
        mine = [one for one in self.created if one.provider == "paqshot"]
        if path.endswith("/generations"):
            start, most = int(query.get("offset", 0)), int(query.get("limit", 20))
            return 200, {"generations": [self._paqshot_state(one) for one in mine[::-1][start : start + most]]}
        found = next((one for one in mine if one.id == path.rpartition("/")[2]), None)
        return (200, self._paqshot_state(found)) if found else (404, {"error": "not_found", "message": "No."})

    def _paqshot_state(self, one: Created) -> dict[str, Any]:
        done = time.time() - one.at >= self.work_seconds
        status = self.words.get(one.id, "completed" if done else "processing")
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one.at))
        state = {"id": one.id, "status": status, "style": one.body["style"], "created_at": made}
        return state | ({"image_url": self.file_url()} if status == "completed" else {})

    # ---- PergAI

    def pergai(self, method: str, path: str, query: dict[str, str], body: bytes, headers: dict[str, str]) -> Any:
        if headers.get("authorization") != f"Bearer {KEYS['pergai']}":
            return 401, {"message": "Unauthorized"}
        if path.startswith("/collections"):
            return self._pergai_collection(method, path.split("/")[2:], body)
        return self._pergai_change(method, path, body) if method != "GET" else self._pergai_read(path)

    def _pergai_change(self, method: str, path: str, body: bytes) -> Any:
        if method == "DELETE":
            before = len(self.products)
            self.products = [one for one in self.products if one["id"] != path.rpartition("/")[2]]
            return (204, None) if len(self.products) < before else (404, {"message": "Not found"})
        with self.lock:
            if path == "/products":
                self.products.append({"id": str(uuid.uuid4()), **json.loads(body)})
                return 201, self.products[-1]
            one = Created("pergai", str(uuid.uuid4()), json.loads(body), 1, time.time())
            self.created.append(one)
        return 201, {"data": self._pergai_state(one) | {"status": "pending"}}

    def _pergai_read(self, path: str) -> Any:
        mine = [one for one in self.created if one.provider == "pergai"]
        lists = {
            "/products": self.products,
            "/templates": {"templates": ["studio", "nature"]},
            "/generations": {self.list_name: [self._pergai_state(one) for one in mine]},
        }
        if path in lists:
            return 200, lists[path]
        found = next((one for one in mine if one.id == path.rpartition("/")[2]), None)
        return (200, self._pergai_state(found)) if found else (404, {"message": "Not found"})

    def _pergai_collection(self, method: str, rest: list[str], body: bytes) -> Any:
        if method == "POST" and not rest:
            made = {"id": str(uuid.uuid4()), "name": json.loads(body)["name"], "items": []}
            self.collections[made["id"]] = made
            return 201, made
        if not rest:
            return 200, {
                "collections": [one | {"_count": {"items": len(one["items"])}} for one in self.collections.values()]
            }
        found = self.collections.get(rest[0])
        if found is None:
            return 404, {"message": "Not found"}
        if method == "POST":
            found["items"].append(json.loads(body)["generationId"])
        elif method == "DELETE":
            del self.collections[rest[0]]
        elif rest[1:] == ["download"]:
            target = io.BytesIO()
            with zipfile.ZipFile(target, "w") as archive:
                for name in found["items"]:
                    archive.writestr(f"{name}.png", self.picture)
            return 200, target.getvalue()
        return 200, found

    def _pergai_state(self, one: Created) -> dict[str, Any]:
        done = time.time() - one.at >= self.work_seconds
        status = self.words.get(one.id, "completed" if done else "processing")
        state = {"id": one.id, "productId": one.body["productId"], "status": status, "prompt": "studio"}
        return state | ({"resultImagePath": self.file_url()} if status == "completed" else {})

    def file_url(self) -> str:
        """The address of a finished picture."""
        return f"{self.base}/files/{uuid.uuid4().hex}.png"

    async def at(self, boundary: str) -> None:
        """A boundary is reached, such as ``create arrived``: for those who want to do harm there."""

    base = ""


class _App:
    """The fakes as an ASGI application."""

    def __init__(self, fakes: Fakes) -> None:
        self.fakes = fakes

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        pieces = [message.get("body", b"")]
        while message.get("more_body"):
            message = await receive()
            pieces.append(message.get("body", b""))
        if message["type"] == "http.disconnect":  # the caller died while it was sending
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self.fakes.headers.append(headers | {":path": scope["path"], ":client": str(scope["client"])})
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        await self._serve(scope["method"], scope["path"], query, b"".join(pieces), headers, send)

    async def _serve(
        self, method: str, where: str, query: dict[str, str], body: bytes, headers: dict[str, str], send: Any
    ) -> None:
        fakes = self.fakes
        provider, _, path = where.lstrip("/").partition("/")
        kind = "download" if provider == "files" else "create" if method == "POST" else "look"
        await fakes.at(f"{kind} arrived")
        route = f"{provider}.{'create' if method == 'POST' else 'read'}"
        if provider != "files":
            fakes.calls.append((time.time(), provider, route))
        fault = await self._fault(route)
        if fault and fault.kind == "drop":
            await _cut(send)
            return
        if fault and (fault.kind == "status" or provider == "files"):
            await _send(send, fault.status, fault.body, fault.headers)
            return
        if provider == "files":
            await _send(send, 200, fakes.picture, {"Content-Type": "image/png"})
            return
        if provider not in KEYS:  # somebody else's address
            found = provider == "pages"
            await _send(send, 200 if found else 404, b"<html>Welcome</html>" if found else b"404 page not found", _PAGE)
            return
        status, content = getattr(fakes, provider)(method, f"/{path}", query, body, headers)
        await fakes.at(f"{kind} done")
        if fault and fault.kind == "lose":
            await _cut(send)
        elif fault:
            await _send(send, fault.status, fault.body, fault.headers)
        else:
            answer = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
            await _send(send, status, answer, {"Content-Type": "application/json"})
            await fakes.at(f"{kind} answered")

    async def _fault(self, route: str) -> Fault | None:
        fault = self.fakes.fault(route)
        if fault is None or fault.kind != "hang":
            return fault
        while not self.fakes.released.is_set():
            await asyncio.sleep(0.01)
        return None


async def _send(send: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
    sent = [(name.encode(), value.encode()) for name, value in {**headers, "Content-Length": str(len(body))}.items()]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


async def _cut(send: Any) -> None:
    """Close without an answer, as a lost connection looks to the caller. ASGI has no word for it: this is uvicorn's."""
    cycle = send.__self__
    cycle.transport.close()
    while not cycle.disconnected:
        await asyncio.sleep(0)


@contextlib.contextmanager
def serving(fakes: Fakes, port: int = 0) -> Iterator[str]:
    """Serve the fakes; yields ``http://127.0.0.1:<port>``."""
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    fakes.base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(_App(fakes), lifespan="off", log_config=None, access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield fakes.base
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        listener.close()


def _picture(colour: tuple[int, int, int]) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (320, 240), colour).save(target, "PNG")
    return target.getvalue()
