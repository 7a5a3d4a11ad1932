"""Resources at a provider besides jobs, such as products, templates and collections."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from product_imagery.exceptions import OptionError
from product_imagery.provider_kit.requests import HttpRequest
from product_imagery.texts import gettext


class Verb(enum.StrEnum):
    """Action on a resource that an API offers."""

    LIST = "list"
    SHOW = "show"
    CREATE = "create"
    DELETE = "delete"
    ADD = "add"  #: put one thing into a collection
    DOWNLOAD = "download"  #: all of a collection, as one ZIP


@dataclass(frozen=True)
class Resource:
    """One kind of resource at a provider, at ``path`` of its API.

    ``required`` are the fields of a create, ``filters`` the query parameters of the list. ``member`` is the field with
    the id of a thing to add.
    """

    name: str
    path: str
    verbs: tuple[Verb, ...]
    required: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    member: str = ""

    def request(self, verb: Verb, identity: str = "", values: Mapping[str, str] | None = None) -> HttpRequest:
        """Return the request for ``verb``. Raises ``OptionError``, which lists what is possible."""
        given, facts = dict(values or {}), {"verb": verb, "name": self.name}
        if verb not in self.verbs:
            raise OptionError(
                gettext("This API cannot %(verb)s %(name)s. It can: %(verbs)s.")
                % {"verb": verb, "name": self.name, "verbs": ", ".join(self.verbs)}
            )
        if verb is Verb.LIST:
            _check(given, (), self.filters, gettext("The list of %(name)s") % facts)
            return HttpRequest("GET", self.path, query=given)
        if verb is Verb.CREATE:
            _check(given, self.required, self.required, gettext("One of %(name)s") % facts)
            return _sending("POST", self.path, given)
        if not identity:
            raise OptionError(gettext("Choose one of %(name)s: give its id.") % facts)
        path = f"{self.path}/{quote(identity, safe='')}"
        if verb is Verb.ADD:
            _check(given, (self.member,), (self.member,), gettext("To %(verb)s to %(name)s") % facts)
            return _sending("POST", f"{path}/items", given)
        if verb is Verb.DOWNLOAD:
            return HttpRequest("GET", f"{path}/download")
        return HttpRequest("DELETE" if verb is Verb.DELETE else "GET", path)


def _sending(method: str, path: str, content: Mapping[str, str]) -> HttpRequest:
    return HttpRequest(method, path, json.dumps(content).encode(), {"Content-Type": "application/json"})


def _check(given: Mapping[str, str], required: Iterable[str], known: Iterable[str], what: str) -> None:
    missing = [name for name in required if not given.get(name)]
    unknown = [name for name in given if name not in known]
    if missing or unknown:
        if missing:
            fault = gettext("%(name)s is missing") % {"name": missing[0]}
        else:
            fault = gettext("%(name)s is not known") % {"name": unknown[0]}
        facts = {"what": what, "values": ", ".join(known) or gettext("no values"), "fault": fault}
        raise OptionError(gettext("%(what)s takes %(values)s: %(fault)s.") % facts)
