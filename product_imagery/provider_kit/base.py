"""Base class of hosted providers: sends requests, reads JSON responses, turns error responses into exceptions."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Any, ClassVar, cast

from product_imagery.exceptions import ImageryError, ProviderError, ProviderRefused, RateLimited
from product_imagery.provider_kit.contract import Conversation, Field, Job, Provider
from product_imagery.provider_kit.headers import retry_after
from product_imagery.provider_kit.json_reader import unreadable
from product_imagery.provider_kit.outcomes import Candidate, Running, Undecidable
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
from product_imagery.provider_kit.requests import HttpRequest
from product_imagery.provider_kit.response import Response
from product_imagery.texts import gettext_noop

#: choice for credentials of providers that list jobs, but do not promise that the list is complete
LIST = Field(
    "list",
    gettext_noop("The list of jobs"),
    gettext_noop(
        "when a lost request that it does not show counts as not accepted, and is sent again: where it "
        "shows the other requests of this time, always, or never"
    ),
    choices=(gettext_noop("compared"), gettext_noop("complete"), gettext_noop("incomplete")),
)


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
            raise unreadable(f"{request.path} is no list", response.status)
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
        self, job: Job, why: str, entries: Sequence[Mapping[str, Any]], candidates: tuple[Candidate, ...] = ()
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
