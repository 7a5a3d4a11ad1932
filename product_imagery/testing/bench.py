"""Lets a provider talk to its stand-in in one process: no network, no worker, no database."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from product_imagery.exceptions import ProviderUnavailable
from product_imagery.provider_kit.contract import Conversation, Form, Job, JobInput
from product_imagery.provider_kit.driver import drive
from product_imagery.provider_kit.outcomes import Accepted, Outcome
from product_imagery.provider_kit.requests import HttpRequest, Remember
from product_imagery.provider_kit.requests import Request as Asked
from product_imagery.provider_kit.response import Response
from product_imagery.testing.pictures import draw_product, encoded
from product_imagery.testing.stand_in import Request, StandIn, StandInServer, content_of

_JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Call:
    """One request of a conversation, and how many pictures were charged by it."""

    request: HttpRequest
    charged: int


class Bench:
    """A provider beside its stand-in, with the facts that a worker would have stored: the intent, and ``Remember``.

    ``calls`` are the requests so far. Use it as a context manager: it keeps source pictures in a folder of its own.
    """

    def __init__(self, stand_in: type[StandIn], key: str | None = None) -> None:
        self.provider = stand_in.provider()
        self.slug = stand_in.provider.slug
        self.server = StandInServer([stand_in])
        self.server.base = "https://stand-in.example"
        self.stand_in = self.server[self.slug]
        self.key = self.stand_in.key if key is None else key
        self.calls: list[Call] = []
        self._folder = tempfile.TemporaryDirectory(prefix="product_imagery-")
        self._remembered: dict[str, str] = {}
        self._intent, self._begun_at = b"", 0.0

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    @property
    def charged(self) -> int:
        """Return the number of charged pictures."""
        return self.server.charged(self.slug)

    def job(self, pictures: int = 1, remote_id: str = "", **changes: Any) -> Job:
        """A job for the stand-in's operation, with what the worker would know at this moment."""
        offer = self.provider.offers[self.stand_in.operation]
        job = Job(
            uuid="00000000-0000-4000-8000-000000000001",
            operation=self.stand_in.operation,
            options=offer.clean(self.stand_in.options),
            inputs=tuple(self._input(number) for number in range(1, pictures + 1)),
            folder=Path(self._folder.name),
            settings={field.name: field.choices[0] for field in self.provider.fields if field.choices},
            remote_id=remote_id,
            remembered=dict(self._remembered),
            intent=self._intent,
            begun_at=self._begun_at,
        )
        return replace(job, **changes)

    def _input(self, number: int) -> JobInput:
        form, external = self.provider.form_in({}), f"picture-{number}"
        if form is Form.URL:
            return JobInput(number, external, url=f"https://shop.example/{external}.jpg")
        if form is Form.NAME:
            return JobInput(number, external, name=f"{external}.jpg")
        path = Path(self._folder.name, external)
        path.write_bytes(encoded(draw_product()))
        return JobInput(number, external, path=path)

    def run(self, conversation: Conversation) -> Outcome:
        """Hold a conversation to its end. Raises the ``ProviderError`` that it ends with."""
        return drive(conversation, self._respond)

    def finish(self, accepted: Outcome, pictures: int = 1) -> Outcome:
        """Read an accepted job once; any other outcome is returned as it is."""
        if not isinstance(accepted, Accepted):
            return accepted
        return self.run(self.provider.poll(self.job(pictures, accepted.remote_id)))

    def _respond(self, asked: Asked) -> Any:
        if isinstance(asked, Remember):
            self._remembered.update(asked.facts)
            return None
        assert isinstance(asked, HttpRequest), f"a hosted provider yields HttpRequest and Remember, not {asked!r}"
        if asked.creates:
            self._intent, self._begun_at = asked.body, time.time()
        before = self.charged
        try:
            return self._exchange(asked)
        finally:
            self.calls.append(Call(asked, self.charged - before))

    def _exchange(self, asked: HttpRequest) -> Response:
        fault = self.server.fault(f"{self.slug}.{'create' if asked.method == 'POST' else 'read'}")
        if fault and fault.kind == "drop":
            raise _lost()
        if fault and fault.kind == "status":
            return Response(fault.status, fault.body, _lower(fault.headers) or _JSON)
        headers = _lower({**asked.headers, **self.provider.authorisation(self.key)})
        request = Request(asked.method, f"/{asked.path.lstrip('/')}", dict(asked.query), asked.body, headers)
        status, content = self.server.respond(self.slug, request)
        if fault and fault.kind == "lose":
            raise _lost()
        if fault:
            return Response(fault.status, fault.body, _lower(fault.headers) or _JSON)
        return Response(status, content_of(content), _JSON)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _lost() -> ProviderUnavailable:
    return ProviderUnavailable("The connection to the provider was lost.", code="connection_lost")
