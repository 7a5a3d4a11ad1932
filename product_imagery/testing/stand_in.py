"""Stand-ins of providers: their APIs as documented, with a ledger of what they would charge and faults on demand."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from product_imagery.provider_kit.contract import Operation, Provider
from product_imagery.provider_kit.registry import all_providers
from product_imagery.testing.pictures import draw_product, encoded

Reply = tuple[int, Any]  #: HTTP status, and what is sent as JSON; bytes are sent as they are, ``None`` as nothing


@dataclass(frozen=True)
class Request:
    """One call of an API: ``path`` below its base URL, with a leading slash; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.body)

    @property
    def last(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass
class Charge:
    """A picture that was charged: its ``id`` at the provider, the body of its create, and when (Unix time).

    ``key`` is the id of the job where a job makes several pictures.
    """

    provider: str
    id: str
    body: dict[str, Any]
    cost: int
    at: float
    key: str = ""


@dataclass
class Fault:
    """A fault of the next ``times`` calls of a route, after ``skip`` calls that go well.

    ``kind``: ``drop`` (the connection is cut, nothing was done), ``lose`` (it is cut after the work was done),
    ``status`` (``status`` and ``body`` are sent, nothing was done), ``after`` (they are sent after the work was done)
    or ``hang`` (the call waits for ``StandInServer.released`` and goes well).
    """

    kind: str
    times: int
    status: int = 500
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    skip: int = 0


class StandIn:
    """The API of one provider. Subclass it in a module ``stand_in`` beside the provider's own.

    ``key`` is the key that it accepts; ``operation`` and ``options`` are the work that tests order, ``cost`` what one
    picture of it costs.
    """

    provider: ClassVar[type[Provider]]
    key: ClassVar[str]
    operation: ClassVar[Operation]
    options: ClassVar[Mapping[str, Any]] = {}
    cost: ClassVar[int] = 1

    def __init__(self, server: StandInServer) -> None:
        self.server = server

    def respond(self, request: Request) -> Reply:
        """Do the work of one call, and charge for it with ``charge`` where the provider would."""
        raise NotImplementedError

    def refusal(self, code: str, message: str) -> Any:
        """The provider's own error envelope."""
        raise NotImplementedError

    @property
    def charges(self) -> list[Charge]:
        """The charges of this provider, oldest first."""
        return [one for one in self.server.created if one.provider == self.provider.slug]

    def charge(self, id: str, body: dict[str, Any], cost: int | None = None, key: str = "") -> Charge:
        """Enter a picture in the ledger."""
        one = Charge(self.provider.slug, id, body, self.cost if cost is None else cost, time.time(), key)
        self.server.created.append(one)
        return one

    def find(self, id: str) -> Charge | None:
        """The charge with this id."""
        mine = self.provider.slug
        return next((one for one in reversed(self.server.created) if one.id == id and one.provider == mine), None)

    def is_done(self, charge: Charge) -> bool:
        """Return whether ``work_seconds`` have passed since the create."""
        return time.time() - charge.at >= self.server.work_seconds

    def status_of(self, charge: Charge, running: str, done: str) -> str:
        """``running`` or ``done`` by the clock, or the status that a test asks for."""
        by_clock = done if self.is_done(charge) else running
        return self.server.statuses.get(charge.key or charge.id, by_clock)


class StandInServer:
    """Stand-ins behind one address, each below its provider's slug; finished pictures lie below ``/files/``.

    ``work_seconds`` is how long a job takes. ``created`` is the ledger, ``calls`` a log of (Unix time, slug, route),
    ``headers`` those of every call; a route is ``<slug>.create`` for POST and ``<slug>.read`` for anything else.
    ``statuses`` replaces the status of a job by its id, ``bad_items`` fails single pictures by their external ids.
    ``picture`` is what every job finishes with: the product of ``imagery_picture`` on white. A shop that lets other
    products be enhanced, and published without a person, sets a picture of them.
    """

    def __init__(self, stand_ins: Iterable[type[StandIn]], work_seconds: float = 0.0) -> None:
        self.base = ""  #: set by ``serving``
        self.work_seconds = work_seconds
        self.stand_ins = {one.provider.slug: one(self) for one in stand_ins}
        self.created: list[Charge] = []
        self.calls: list[tuple[float, str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: dict[str, Fault] = {}
        self.statuses: dict[str, str] = {}
        self.bad_items: dict[str, str] = {}
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.picture = encoded(draw_product((360, 300), ground="white"), "PNG")

    def __getitem__(self, slug: str) -> StandIn:
        return self.stand_ins[slug]

    def respond(self, slug: str, request: Request) -> Reply:
        """Let a stand-in do the work of one call."""
        return self.stand_ins[slug].respond(request)

    def charged(self, slug: str) -> int:
        """Return the number of charged pictures."""
        return sum(1 for one in self.created if one.provider == slug)

    def fail(self, route: str, kind: str, times: int = 1, **facts: Any) -> None:
        """Let the next calls of a route go wrong, see ``Fault``.

        A refusal without a ``body`` has the provider's own envelope.
        """
        fault = Fault(kind, times, **facts)
        slug = route.partition(".")[0]
        if kind == "status" and 400 <= fault.status < 500 and "body" not in facts and slug in self.stand_ins:
            fault.body = self.envelope(slug, "refused", "Not so.")
        self.faults[route] = fault

    def envelope(self, slug: str, code: str, message: str) -> bytes:
        """An error as this provider writes it."""
        return json.dumps(self.stand_ins[slug].refusal(code, message)).encode()

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

    def file_url(self) -> str:
        """The address of a finished picture."""
        return f"{self.base}/files/{uuid.uuid4().hex}.png"

    async def at(self, boundary: str) -> None:
        """A boundary is reached, such as ``create arrived``: override it to do harm there."""


def stand_in_of(provider: type[Provider]) -> type[StandIn] | None:
    """The stand-in in the module ``stand_in`` beside the provider's own, or nothing."""
    package = provider.__module__.rpartition(".")[0]
    if not package or importlib.util.find_spec(f"{package}.stand_in") is None:
        return None
    module = importlib.import_module(f"{package}.stand_in")
    classes = [member for _, member in inspect.getmembers(module, inspect.isclass) if issubclass(member, StandIn)]
    return next((one for one in classes if getattr(one, "provider", None) is provider), None)


def all_stand_ins() -> dict[str, type[StandIn]]:
    """The stand-ins of all providers that have one, by slug."""
    found = {slug: stand_in_of(provider) for slug, provider in all_providers().items()}
    return {slug: stand_in for slug, stand_in in found.items() if stand_in is not None}


def content_of(reply: Any) -> bytes:
    """The bytes that are sent for the second part of a ``Reply``."""
    if isinstance(reply, bytes):
        return reply
    return b"" if reply is None else json.dumps(reply).encode()
