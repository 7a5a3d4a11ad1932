"""Base class of hosted providers: sends requests, reads JSON responses, turns error responses into exceptions."""

from __future__ import annotations

import contextlib
import email.utils
import json
import math
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, cast

from product_imagery.exceptions import ImageryError, ProviderError, ProviderRefused, ProviderUnavailable, RateLimited
from product_imagery.provider_kit.contract import Delivery, Field, Job, Provider
from product_imagery.provider_kit.conversation import Conversation, HttpRequest, Running, Undecidable
from product_imagery.provider_kit.refusals import (
    ABSENCES,
    REFUSALS,
    WRONG_ADDRESS,
    ErrorInfo,
    error_of,
    has_code,
    web_page,
    wrong_address,
)
from product_imagery.provider_kit.remote import Resource

_UNIX_TIME = 1e9  #: larger numbers are Unix times, not seconds to wait
_LONGEST_WAIT = 3600.0  #: seconds: a larger ``Retry-After`` is a mistake or an attack

#: choice for credentials of providers that list jobs, but do not promise that the list is complete
LIST = Field(
    "list",
    "The list of jobs",
    "when a lost request that it does not show counts as not accepted, and is sent again: where it shows the other "
    "requests of this time, always, or never",
    choices=("compared", "complete", "incomplete"),
)


@dataclass(frozen=True)
class Response:
    """A response of at most 1 MiB; header names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_page(self) -> bool:
        """True for an HTML page, which is for a browser, not for an API client."""
        return self.headers.get("content-type", "").lower().startswith("text/html")

    def fields(self) -> Fields:
        """Return the JSON object in the body. Raises ``ProviderUnavailable``: an unreadable response proves nothing."""
        return Fields(self.json())

    def json(self) -> Any:
        """Return the JSON value in the body. Raises ``ProviderUnavailable``."""
        try:
            return json.loads(self.body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise _unreadable(f"not JSON: {self.body[:200]!r}", self.status) from error


class Fields:
    """Typed access to the fields of a JSON object. A wrong type raises ``ProviderUnavailable``."""

    def __init__(self, value: Any, where: str = "answer") -> None:
        if not isinstance(value, dict):
            raise _unreadable(f"{where} is not an object")
        self._values, self._where = value, where

    def has(self, name: str) -> bool:
        """Return whether the field is an object."""
        return isinstance(self._values.get(name), dict)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string that is not empty; ``default`` if it is missing or null."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (not value and default is None):
            raise _unreadable(f"{self._where}.{name} is not a text")
        return storable(value)

    def identity(self, name: str = "id") -> str:
        """Return a string that can be an id: not empty, at most 120 characters."""
        value = self.text(name)
        if len(value) > 120:
            raise _unreadable(f"{self._where}.{name} is too long for an id")
        return value

    def integer(self, name: str) -> int:
        """Return an integer that is not negative and fits into 64 bits."""
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            raise _unreadable(f"{self._where}.{name} is not a whole number")
        return value

    def amount(self, name: str) -> Decimal | None:
        """Return a number that is not negative, else ``None``: a wrong amount is no reason to lose a job."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
            return None
        return Decimal(str(value))

    def object(self, name: str) -> Fields:
        """Return an object inside this one."""
        return Fields(self._values.get(name), f"{self._where}.{name}")

    def objects(self, name: str) -> list[Fields]:
        """Return a list of objects; empty if it is missing."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise _unreadable(f"{self._where}.{name} is not a list")
        return [Fields(one, f"{self._where}.{name}") for one in value]


class HostedProvider(Provider):
    """Base class of providers behind an HTTP API. Error responses become exceptions in ``call``.

    - ``resources``: things at the provider besides jobs; ``makes``: the resource that every job creates, with its mark.
    - ``list_names``: fields in which a list may be wrapped.
    - ``job_list``: path of the list of all jobs, if there is one; ``page``: entries per page (0: it is not paged).
    - ``refusals``: statuses with which, by the vendor's contract, a request is refused. Any other status does not prove
      that a create was not accepted.
    """

    resources: ClassVar[tuple[Resource, ...]] = ()
    refusals: ClassVar[Collection[int]] = REFUSALS
    list_names: ClassVar[tuple[str, ...]] = ()
    makes: ClassVar[str] = ""
    job_list: ClassVar[str] = ""
    page: ClassVar[int] = 0

    def post(
        self, path: str, content: Mapping[str, Any], *, creates: bool = False, **headers: str
    ) -> Generator[HttpRequest, Response, Response]:
        """Send JSON and return the successful response. Raises ``ProviderError``."""
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json", **names}
        return (yield from self.call(HttpRequest("POST", path, body, sent, creates=creates)))

    def get(self, path: str, **query: str) -> Generator[HttpRequest, Response, Response]:
        """Send a GET and return the successful response. Raises ``ProviderError``."""
        return (yield from self.call(HttpRequest("GET", path, query=query)))

    def call(self, request: HttpRequest) -> Generator[HttpRequest, Response, Response]:
        """Yield the request and return its successful response. Raises ``ProviderError`` for any other."""
        response = yield request
        error = self.error_in(response) or self._error_of(response, request)
        if error is None:
            return response
        if request.creates and error.code == WRONG_ADDRESS:
            error.absent = yield from self._is_absent()
        raise error

    def _is_absent(self) -> Generator[HttpRequest, Response, bool]:
        """Return whether the free call that checks a key finds no API either.

        Never raises ``ImageryError``, because a create was sent before it.
        """
        try:
            yield from cast("Generator[HttpRequest, Response, Any]", self.check_credential())
        except ImageryError as error:
            return isinstance(error, ProviderError) and error.code == WRONG_ADDRESS and error.status in ABSENCES
        return False

    def _error_of(self, response: Response, request: HttpRequest) -> ProviderError | None:
        if 200 <= response.status < 300:
            return web_page(self.label, response.status) if response.is_page else None
        info = self.error_info(response)
        error = error_of(
            response.status,
            response.body,
            info,
            label=self.label,
            refusals=self.refusals,
            creates=request.creates,
        )
        if isinstance(error, RateLimited):
            error.retry_after = retry_after(response)
        return error

    def entries(self, request: HttpRequest) -> Generator[HttpRequest, Response, list[dict[str, Any]]]:
        """Return a list of objects, bare or wrapped in exactly one of ``list_names``. Raises ``ProviderError``."""
        response = yield from self.call(request)
        found = response.json()
        if isinstance(found, dict):
            lists = [found[name] for name in self.list_names if isinstance(found.get(name), list)]
            found = lists[0] if len(lists) == 1 else None
        if not isinstance(found, list):
            raise _unreadable(f"{request.path} is no list", response.status)
        return [one if isinstance(one, dict) else {"name": str(one)} for one in found]

    def jobs_there(self, pages: int) -> Generator[HttpRequest, Response, list[dict[str, Any]]]:
        """Return the entries of the list of jobs, from at most its first ``pages`` pages. Raises ``ProviderError``."""
        found: dict[str, dict[str, Any]] = {}  # by id, because new jobs shift the pages
        for number in range(pages):
            query = {"limit": str(self.page), "offset": str(number * self.page)} if self.page else {}
            entries = yield from self.entries(HttpRequest("GET", self.job_list, query=query))
            found |= {str(entry["id"]): entry for entry in entries if entry.get("id")}
            if len(entries) < self.page or not self.page:
                break
        return list(found.values())

    def absent(
        self, job: Job, why: str, entries: Sequence[Mapping[str, Any]], candidates: tuple[str, ...] = ()
    ) -> Undecidable:
        """Return the outcome for a job that is not in the list, by the credential's choice for ``LIST``."""
        reading = job.settings.get(LIST.name, LIST.choices[0])
        listed = frozenset(str(entry["id"]) for entry in entries)
        trusted = None if reading == "incomplete" else listed
        return Undecidable(why, candidates, listed=trusted, whole=reading == "complete")

    def read_nothing(self, path: str, *statuses: int) -> Conversation:
        """Probe a nonexistent id: a valid key gets one of ``statuses``, in the provider's own error envelope.

        Raises ``CredentialRefused`` for an invalid key, and if another server responds.
        """
        try:
            response = yield from self.get(path)
        except ProviderRefused as error:
            if error.own and error.status in statuses:
                return Running("ok")
            raise self._without_api(error) from error
        raise wrong_address(self.label, response.status)

    def read_list(self, path: str, **query: str) -> Conversation:
        """Read a list that always exists. Raises ``CredentialRefused`` for an invalid key or without a list."""
        try:
            yield from self.entries(HttpRequest("GET", path, query=query))
        except ProviderRefused as error:
            raise self._without_api(error) from error
        return Running("ok")

    def _without_api(self, error: ProviderRefused) -> ProviderError:
        return error if error.own else wrong_address(self.label, error.status, error.detail)

    def error_in(self, response: Response) -> ProviderError | None:
        """Return an error that the status alone does not show, such as an empty balance with status 200."""
        return None

    def error_info(self, response: Response) -> ErrorInfo:
        """Return the content of the error envelope. By default, one with a code counts as the provider's own."""
        code, message, request_id = self.explain(response)
        return ErrorInfo(code, message, request_id, is_own=has_code(code))

    def explain(self, response: Response) -> tuple[str, str, str]:
        """Return (code, message, request id) from the error envelope, each empty if it is missing."""
        return "", "", ""


def hinted(delivery: Delivery, name: str) -> str:
    """Return the id under ``name`` in the JSON of a webhook; empty if there is none or it cannot be an id."""
    try:
        found = json.loads(delivery.body)
    except (ValueError, RecursionError):
        return ""
    value = found.get(name) if isinstance(found, dict) else None
    text = storable(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if 0 < len(text) <= 64 else ""


def retry_after(response: Response) -> float | None:
    """Return seconds to wait, at most an hour; ``None`` if the response does not tell.

    Reads ``Retry-After``, a number or a date, else ``X-RateLimit-Reset``, seconds or Unix time.
    """
    text = response.headers.get("retry-after", "").strip()
    seconds = math.nan
    with contextlib.suppress(ValueError):
        seconds = float(text)
    if math.isnan(seconds) and text:
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
    if math.isnan(seconds):
        with contextlib.suppress(ValueError):
            reset = float(response.headers.get("x-ratelimit-reset", ""))
            seconds = reset - time.time() if reset > _UNIX_TIME else reset
    return min(seconds, _LONGEST_WAIT) if seconds > 0 else None


def clock_skew(response: Response) -> float | None:
    """Return the seconds by which the server's clock, by its ``Date`` header, is ahead of ours; ``None`` without it."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return email.utils.parsedate_to_datetime(response.headers.get("date", "")).timestamp() - time.time()
    return None


def storable(text: str) -> str:
    """Return text that every database accepts: no NUL, no lone surrogates, at most 4,096 characters."""
    return text[:4096].replace("\0", "").encode("utf-8", "replace").decode()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unreadable(detail: str, status: int | None = None) -> ProviderUnavailable:
    message = "The provider's response cannot be read."
    return ProviderUnavailable(message, code="unreadable_answer", detail=detail, status=status)
