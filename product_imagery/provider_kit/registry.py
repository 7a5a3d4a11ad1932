"""Registry of providers: folders of this package, and entry points of installed distributions."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from product_imagery import providers
from product_imagery.exceptions import ConfigurationError, RequestError
from product_imagery.provider_kit.contract import Offer, Operation, Provider
from product_imagery.provider_kit.declaration import fault_of_class
from product_imagery.texts import gettext

GROUP = "product_imagery.providers"  #: of entry points; the value of one is ``package.module:ProviderClass``


@dataclass(frozen=True)
class Problem:
    """An entry point that adds no provider. ``message`` names it with its distribution, and gives the reason.

    ``is_duplicate``: the class is valid, but its slug belongs to another provider.
    """

    message: str
    is_duplicate: bool = False


@dataclass(frozen=True)
class Discovery:
    """Provider classes by slug, ordered by slug, and the problems that were found.

    ``distributions`` holds name and version of the distribution of each provider from another package.
    """

    providers: Mapping[str, type[Provider]]
    distributions: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


@functools.cache
def discover() -> Discovery:
    """Load every provider. An error in one of another package becomes a ``Problem``; one in this package is raised.

    Of two providers with the same slug the first one wins: that of this package, then by names of distribution and
    entry point.
    """
    found: dict[str, type[Provider]] = {provider.slug: provider for provider in _built_in()}
    origins = {slug: f"product_imagery, {provider.__module__}" for slug, provider in found.items()}
    distributions: dict[str, str] = {}
    problems: list[Problem] = []
    for distribution, entry in _installed():
        origin = f"{distribution}, entry point “{entry.name}”"
        try:
            provider = _load(entry)
        except ConfigurationError as error:
            problems.append(Problem(f"{origin}: {error.message}"))
            continue
        slug = provider.slug
        if slug in found:
            sentence = f"Two providers have the slug “{slug}”: {origins[slug]}, is used; {origin}, is not."
            problems.append(Problem(sentence, is_duplicate=True))
            continue
        found[slug], origins[slug], distributions[slug] = provider, origin, distribution
    return Discovery(dict(sorted(found.items())), distributions, tuple(problems))


def _built_in() -> Iterator[type[Provider]]:
    for folder in sorted(info.name for info in pkgutil.iter_modules(providers.__path__) if info.ispkg):
        module = importlib.import_module(f"{providers.__name__}.{folder}.provider")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, Provider) and member.__module__ == module.__name__:
                yield member


def _installed() -> list[tuple[str, EntryPoint]]:
    """Return the entry points of all installed distributions, each with the distribution's name and version."""
    found = [(f"{one.dist.name} {one.dist.version}" if one.dist else "?", one) for one in entry_points(group=GROUP)]
    return sorted(found, key=lambda pair: (pair[0], pair[1].name))


def _load(entry: EntryPoint) -> type[Provider]:
    """Return the provider class of an entry point. Raises ``ConfigurationError`` with the reason."""
    try:
        loaded = entry.load()
        fault = fault_of_class(loaded)
    except (Exception, SystemExit) as error:  # code of another package must not stop the shop from starting
        reason = f"“{entry.value}” cannot be loaded: {type(error).__name__}: {error}"
        raise ConfigurationError(reason) from error
    if fault:
        raise ConfigurationError(f"“{entry.value}” {fault}")
    provider: type[Provider] = loaded
    return provider


def all_providers() -> Mapping[str, type[Provider]]:
    """Return all provider classes by slug, ordered by slug."""
    return discover().providers


def get_provider(slug: str) -> type[Provider]:
    """Return the provider class with this slug. Raises ``RequestError`` if there is none."""
    try:
        return all_providers()[slug]
    except KeyError:
        known = ", ".join(all_providers())
        raise RequestError(
            gettext("There is no provider “%(slug)s”. There are: %(known)s.") % {"slug": slug, "known": known},
            code="unknown_provider",
        ) from None


def hosted_providers() -> list[str]:
    """Return the slugs of the hosted providers, which cost money."""
    return [slug for slug, provider in all_providers().items() if not provider.computes]


def get_offer(provider: type[Provider], operation: str) -> Offer:
    """Return the provider's offer for an operation. Raises ``RequestError``, which names providers that have one."""
    offer = provider.offers.get(Operation(operation)) if operation in set(Operation) else None
    if offer is not None:
        return offer
    able = [gettext(other.label) for other in all_providers().values() if operation in other.offers]
    if able:
        instead = gettext("These can: %(providers)s.") % {"providers": ", ".join(able)}
    else:
        instead = gettext("It needs a hosted provider.")
    raise RequestError(
        gettext("%(label)s cannot do “%(operation)s”. %(instead)s")
        % {"label": gettext(provider.label), "operation": operation, "instead": instead},
        code="unsupported_operation",
    )


def provider_choices() -> list[tuple[str, str]]:
    """Return choices for model fields, which take a callable so that a new provider needs no migration."""
    return [(slug, gettext(provider.label)) for slug, provider in all_providers().items()]
