"""What hosted providers share: reading answers, and telling what an answer that is not the wanted one means."""

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
    Told,
    error_of,
    has_code,
    web_page,
    wrong_address,
)
from product_imagery.provider_kit.remote import Resource

_UNIX_TIME = 1e9  #: larger numbers are moments, not seconds to wait
_LONGEST_WAIT = 3600.0  #: seconds: a larger ``Retry-After`` is a mistake or an attack


#: a reading of accounts whose provider lists jobs, and does not say that it lists all of them
LIST = Field(
    "list",
    "The list of jobs",
    "when a lost request that it does not show counts as not accepted, and is sent again: where it shows the other "
    "requests of this time, always, or never",
    choices=("compared", "complete", "incomplete"),
)


@dataclass(frozen=True)
class Answer:
    """An answer of at most 1 MiB: header names in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_page(self) -> bool:
        """Whether it is for a browser, not for us."""
        return self.headers.get("content-type", "").lower().startswith("text/html")

    def fields(self) -> Fields:
        """The JSON object in the body. Raises ``ProviderUnavailable``: what an unreadable answer means is not known."""
        return Fields(self.json())

    def json(self) -> Any:
        """The JSON in the body. Raises ``ProviderUnavailable``."""
        try:
            return json.loads(self.body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise _unreadable(f"not JSON: {self.body[:200]!r}", self.status) from error


class Fields:
    """A JSON object that is read field by field. A wrong type raises ``ProviderUnavailable``."""

    def __init__(self, value: Any, where: str = "answer") -> None:
        if not isinstance(value, dict):
            raise _unreadable(f"{where} is not an object")
        self._values, self._where = value, where

    def has(self, name: str) -> bool:
        """Whether there is an object under this name."""
        return isinstance(self._values.get(name), dict)

    def text(self, name: str, default: str | None = None) -> str:
        """A string that is not empty; ``default`` where it is missing or null."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (not value and default is None):
            raise _unreadable(f"{self._where}.{name} is not a text")
        return storable(value)

    def identity(self, name: str = "id") -> str:
        """A text that can be somebody's id: not empty, at most 120 characters."""
        value = self.text(name)
        if len(value) > 120:
            raise _unreadable(f"{self._where}.{name} is too long for an id")
        return value

    def integer(self, name: str) -> int:
        """A whole number within 64 bits."""
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            raise _unreadable(f"{self._where}.{name} is not a whole number")
        return value

    def amount(self, name: str) -> Decimal | None:
        """A number that is not negative, or ``None``: amounts inform, they are never a reason to lose a job."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
            return None
        return Decimal(str(value))

    def object(self, name: str) -> Fields:
        """An object inside this one."""
        return Fields(self._values.get(name), f"{self._where}.{name}")

    def objects(self, name: str) -> list[Fields]:
        """A list of objects; empty where it is missing."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise _unreadable(f"{self._where}.{name} is not a list")
        return [Fields(one, f"{self._where}.{name}") for one in value]


class HostedProvider(Provider):
    """Base of providers behind an HTTP API: one boundary at which their errors become ours.

    ``resources`` is what lies there besides jobs, ``list_names`` what a list may be wrapped in; ``makes`` names the
    resource of which every job makes one, under its mark. ``job_list`` is the path of the list of all jobs, if there
    is one, and ``page`` how many entries it gives at once (0: it comes whole). ``refusals`` are the statuses under
    which the contract says that a request is refused; under any other nothing says that a create was not accepted.
    """

    resources: ClassVar[tuple[Resource, ...]] = ()
    refusals: ClassVar[Collection[int]] = REFUSALS
    list_names: ClassVar[tuple[str, ...]] = ()
    makes: ClassVar[str] = ""
    job_list: ClassVar[str] = ""
    page: ClassVar[int] = 0

    def post(
        self, path: str, content: Mapping[str, Any], *, creates: bool = False, **headers: str
    ) -> Generator[HttpRequest, Answer, Answer]:
        """Send JSON and return the good answer. Raises ``ProviderError``."""
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json", **names}
        return (yield from self.call(HttpRequest("POST", path, body, sent, creates=creates)))

    def get(self, path: str, **query: str) -> Generator[HttpRequest, Answer, Answer]:
        """Read and return the good answer. Raises ``ProviderError``."""
        return (yield from self.call(HttpRequest("GET", path, query=query)))

    def call(self, request: HttpRequest) -> Generator[HttpRequest, Answer, Answer]:
        """Yield the request; return its answer, or raise what it means."""
        answer = yield request
        error = self.error_in(answer) or self._error_of(answer, request)
        if error is None:
            return answer
        if request.creates and error.code == WRONG_ADDRESS:
            error.absent = yield from self._is_absent()
        raise error

    def _is_absent(self) -> Generator[HttpRequest, Answer, bool]:
        """Whether the free call that checks a key meets no API either. Never raises: a create was sent before it."""
        try:
            yield from cast("Generator[HttpRequest, Answer, Any]", self.check_credential())
        except ImageryError as error:
            return isinstance(error, ProviderError) and error.code == WRONG_ADDRESS and error.status in ABSENCES
        return False

    def _error_of(self, answer: Answer, request: HttpRequest) -> ProviderError | None:
        if 200 <= answer.status < 300:
            return web_page(self.label, answer.status) if answer.is_page else None
        told = self.told(answer)
        error = error_of(
            answer.status, answer.body, told, label=self.label, refusals=self.refusals, creates=request.creates
        )
        if isinstance(error, RateLimited):
            error.retry_after = retry_after(answer)
        return error

    def entries(self, request: HttpRequest) -> Generator[HttpRequest, Answer, list[dict[str, Any]]]:
        """Ask for a list: a bare one, or the only one under a known name. Else raises ``ProviderUnavailable``."""
        answer = yield from self.call(request)
        found = answer.json()
        if isinstance(found, dict):
            lists = [found[name] for name in self.list_names if isinstance(found.get(name), list)]
            found = lists[0] if len(lists) == 1 else None
        if not isinstance(found, list):
            raise _unreadable(f"{request.path} is no list", answer.status)
        return [one if isinstance(one, dict) else {"name": str(one)} for one in found]

    def jobs_there(self, pages: int) -> Generator[HttpRequest, Answer, list[dict[str, Any]]]:
        """What the list of jobs shows, at most its first ``pages`` pages. Raises ``ProviderError``."""
        found: dict[str, dict[str, Any]] = {}  # by id: what comes in between moves the pages
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
        """What it means that a list does not show a job, by the account's reading of it."""
        reading = job.settings.get(LIST.name, LIST.choices[0])
        listed = frozenset(str(entry["id"]) for entry in entries)
        trusted = None if reading == "incomplete" else listed
        return Undecidable(why, candidates, listed=trusted, whole=reading == "complete")

    def read_nothing(self, path: str, *statuses: int) -> Conversation:
        """Read what cannot exist: a good key is told so with one of ``statuses``, in the provider's own envelope.

        Raises ``CredentialRefused`` for a bad key, and where somebody else answers.
        """
        try:
            answer = yield from self.get(path)
        except ProviderRefused as error:
            if error.own and error.status in statuses:
                return Running("ok")
            raise self._without_api(error) from error
        raise wrong_address(self.label, answer.status)

    def read_list(self, path: str, **query: str) -> Conversation:
        """Read a list that is always there. Raises ``CredentialRefused`` for a bad key, and where there is none."""
        try:
            yield from self.entries(HttpRequest("GET", path, query=query))
        except ProviderRefused as error:
            raise self._without_api(error) from error
        return Running("ok")

    def _without_api(self, error: ProviderRefused) -> ProviderError:
        return error if error.own else wrong_address(self.label, error.status, error.detail)

    def error_in(self, answer: Answer) -> ProviderError | None:
        """An error that the status alone does not tell, such as an empty balance under 200."""
        return None

    def told(self, answer: Answer) -> Told:
        """What the error envelope says, which by default is the provider's own where it has a code."""
        code, message, request_id = self.explain(answer)
        return Told(code, message, request_id, is_own=has_code(code))

    def explain(self, answer: Answer) -> tuple[str, str, str]:
        """(code, message, request id) from the provider's error envelope; empty where there is none."""
        return "", "", ""


def hinted(delivery: Delivery, name: str) -> str:
    """The id under ``name`` in a webhook's JSON; empty where there is none that could be one."""
    try:
        found = json.loads(delivery.body)
    except (ValueError, RecursionError):
        return ""
    value = found.get(name) if isinstance(found, dict) else None
    text = storable(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if 0 < len(text) <= 64 else ""


def retry_after(answer: Answer) -> float | None:
    """Seconds from ``Retry-After``, a number or a date, or from ``X-RateLimit-Reset``, seconds or Unix time.

    At most an hour; ``None`` where they say nothing usable.
    """
    text = answer.headers.get("retry-after", "").strip()
    seconds = math.nan
    with contextlib.suppress(ValueError):
        seconds = float(text)
    if math.isnan(seconds) and text:
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
    if math.isnan(seconds):
        with contextlib.suppress(ValueError):
            reset = float(answer.headers.get("x-ratelimit-reset", ""))
            seconds = reset - time.time() if reset > _UNIX_TIME else reset
    return min(seconds, _LONGEST_WAIT) if seconds > 0 else None


def clock_skew(answer: Answer) -> float | None:
    """Seconds by which the clock of whoever answered is ahead of ours, by its ``Date``; ``None`` without one."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return email.utils.parsedate_to_datetime(answer.headers.get("date", "")).timestamp() - time.time()
    return None


def storable(text: str) -> str:
    """Without what no database takes: NUL, and halves of surrogate pairs; at most 4,096 characters."""
    return text[:4096].replace("\0", "").encode("utf-8", "replace").decode()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unreadable(detail: str, status: int | None = None) -> ProviderUnavailable:
    message = "The provider's answer cannot be read."
    return ProviderUnavailable(message, code="unreadable_answer", detail=detail, status=status)
