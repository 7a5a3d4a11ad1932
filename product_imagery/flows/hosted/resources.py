"""Resources at a provider besides jobs (products, templates, collections), and leftovers of our own jobs there."""

from __future__ import annotations

import contextlib
import uuid
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from django.utils import timezone
from django.utils.translation import gettext

from product_imagery.exceptions import FetchError, ProviderRefused, RequestError
from product_imagery.flows.hosted.credential_session import Caller, CredentialSession
from product_imagery.flows.hosted.limits import count
from product_imagery.models import ProviderCredential, ProviderJob
from product_imagery.net.transport import Transport
from product_imagery.provider_kit.base import HostedProvider
from product_imagery.provider_kit.contract import mark_of
from product_imagery.provider_kit.driver import drive
from product_imagery.provider_kit.outcomes import Refused
from product_imagery.provider_kit.remote import Resource, Verb
from product_imagery.provider_kit.requests import HttpRequest, Request
from product_imagery.states import ENDED_JOBS

T = TypeVar("T")
_MOST_BYTES = 2 * 1024**3  #: of a ZIP
_MOST_PAGES = 50  #: of a list of jobs


@dataclass(frozen=True)
class Leftover:
    """A resource that one of our jobs made at the provider and no longer needs."""

    id: str
    name: str
    job: ProviderJob


def resources(credential: ProviderCredential) -> Mapping[str, Resource]:
    """Return the kinds of resources at the account's provider, by name."""
    declared = credential.declared
    return {one.name: one for one in declared.resources} if issubclass(declared, HostedProvider) else {}


def manage(
    credential: ProviderCredential, name: str, verb: Verb, identity: str = "", values: Mapping[str, str] | None = None
) -> Any:
    """List, show, create, delete or add resources; return the provider's JSON, for a list its entries.

    Counts against the account's limits. Raises ``ProviderError``, and ``RequestError`` for what the API cannot do.
    """
    request = _find(credential, name).request(verb, identity, values)
    provider = _hosted(credential)
    if verb is Verb.LIST:
        return converse(credential, provider.entries(request))
    try:
        response = converse(credential, provider.call(request))
    except ProviderRefused as error:
        if verb is Verb.ADD and error.status == 409:  # it is already part of the collection
            return None
        raise
    return response.json() if response.body else None


def download(credential: ProviderCredential, name: str, identity: str, path: Path) -> int:
    """Save a collection as the ZIP that the provider makes of it; return how many files are in it.

    Raises ``FetchError`` when it is no ZIP, ``RequestError``, ``ProviderError``.
    """
    request = _find(credential, name).request(Verb.DOWNLOAD, identity)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        session = CredentialSession(credential)
        with _caller() as caller:
            _drive(
                credential,
                _hosted(credential).call(request),
                lambda one: caller.save(session, one, part, _MOST_BYTES),
            )
        try:
            with zipfile.ZipFile(part) as archive:
                files = len(archive.infolist())
        except zipfile.BadZipFile as error:
            raise FetchError(gettext("What the provider sent is no ZIP."), code="no_zip") from error
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return files


def unknown(credential: ProviderCredential) -> list[dict[str, Any]]:
    """Return entries of the provider's list of jobs that no job here has: made elsewhere, or lost by a restore.

    Raises ``RequestError`` where the provider shows no list, ``ProviderError``.
    """
    provider = _hosted(credential)
    if not provider.job_list:
        raise RequestError(
            gettext("%(label)s gives no list of its jobs. Look at its dashboard.") % {"label": provider.label},
            code="no_list",
        )
    there = {str(entry["id"]): entry for entry in converse(credential, provider.jobs_there(_MOST_PAGES))}
    known = ProviderJob.objects.known(credential.provider, list(there))
    return [entry for identity, entry in there.items() if identity not in known]


def leftovers(credential: ProviderCredential, days: int) -> list[Leftover]:
    """Return products at the provider that were made by our jobs which ended more than ``days`` ago."""
    name = _hosted(credential).makes
    if not name:
        return []
    before = timezone.now() - timedelta(days=days)
    ended = credential.jobs.filter(state__in=ENDED_JOBS, finished_at__lt=before, collectable=False)
    ours = {mark_of(str(job.uuid)): job for job in ended}
    entries = manage(credential, name, Verb.LIST)
    named = [(str(entry["id"]), str(entry.get("name"))) for entry in entries if entry.get("id")]
    length = len(mark_of(str(uuid.UUID(int=0))))  # a suffix says that the job was sent again
    return [Leftover(identity, name, ours[name[:length]]) for identity, name in named if name[:length] in ours]


def clear(credential: ProviderCredential, leftover: Leftover) -> None:
    """Delete a leftover at the provider. Raises ``ProviderError``."""
    manage(credential, _hosted(credential).makes, Verb.DELETE, leftover.id)


def converse(credential: ProviderCredential, conversation: Generator[Any, Any, T]) -> T:
    """Hold a conversation that belongs to no job, counted against the account's limits. Raises ``ProviderError``."""
    session = CredentialSession(credential)
    with _caller() as caller:
        return _drive(credential, conversation, lambda request: caller.send(session, request))


def _drive(
    credential: ProviderCredential, conversation: Generator[Any, Any, T], send: Callable[[HttpRequest], Any]
) -> T:
    def respond(request: Request) -> Any:
        assert isinstance(request, HttpRequest)
        count(credential.pk, request)
        return send(request)

    result = drive(conversation, respond)
    if isinstance(result, Refused):
        raise RequestError(result.message, code=result.code, detail=result.detail)
    return result


@contextlib.contextmanager
def _caller() -> Iterator[Caller]:
    with contextlib.closing(Transport()) as transport:
        yield Caller(transport)


def _hosted(credential: ProviderCredential) -> HostedProvider:
    provider = credential.declared()
    if not isinstance(provider, HostedProvider):
        raise RequestError(
            gettext("%(label)s works on this machine: nothing lies elsewhere.") % {"label": provider.label},
            code="not_hosted",
        )
    return provider


def _find(credential: ProviderCredential, name: str) -> Resource:
    known = resources(credential)
    if name not in known:
        there = ", ".join(known) or gettext("nothing that can be managed from here")
        raise RequestError(
            gettext("%(label)s has no %(name)s. It has: %(there)s.")
            % {"label": credential.declared.label, "name": name, "there": there},
            code="unknown_resource",
        )
    return known[name]
