"""Finds the providers: folders of this package, and classes that installed distributions name as entry points."""

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

GROUP = "product_imagery.providers"  #: of entry points; the value of one is ``package.module:ProviderClass``


@dataclass(frozen=True)
class Problem:
    """An entry point that adds no provider; ``message`` names distribution and entry point, and says why.

    ``is_duplicate``: the class is sound, but its slug belongs to another provider.
    """

    message: str
    is_duplicate: bool = False


@dataclass(frozen=True)
class Discovery:
    """Provider classes by slug, in the order of their slugs, and the problems met on the way.

    ``distributions`` holds name and version of the distribution a provider comes from, for those of other packages.
    """

    providers: Mapping[str, type[Provider]]
    distributions: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


@functools.cache
def discover() -> Discovery:
    """Load every provider. An import error of one of this package's is raised, one of another package's is a problem.

    Of two providers with one slug the first stays: this package's, then by names of distribution and entry point.
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
    """The entry points of all installed distributions, each with the distribution's name and version."""
    found = [(f"{one.dist.name} {one.dist.version}" if one.dist else "?", one) for one in entry_points(group=GROUP)]
    return sorted(found, key=lambda pair: (pair[0], pair[1].name))


def _load(entry: EntryPoint) -> type[Provider]:
    """The provider class that an entry point names. Raises ``ConfigurationError``, which says what is wrong with it."""
    try:
        loaded = entry.load()
        fault = fault_of_class(loaded)
    except (Exception, SystemExit) as error:  # foreign code must not keep the shop from starting
        reason = f"“{entry.value}” cannot be loaded: {type(error).__name__}: {error}"
        raise ConfigurationError(reason) from error
    if fault:
        raise ConfigurationError(f"“{entry.value}” {fault}")
    provider: type[Provider] = loaded
    return provider


def all_providers() -> Mapping[str, type[Provider]]:
    """Every provider class by slug, in the order of their slugs."""
    return discover().providers


def get_provider(slug: str) -> type[Provider]:
    """Raises ``RequestError`` for a slug that no provider declares."""
    try:
        return all_providers()[slug]
    except KeyError:
        known = ", ".join(all_providers())
        raise RequestError(f"There is no provider “{slug}”. There are: {known}.", code="unknown_provider") from None


def hosted_providers() -> list[str]:
    """Slugs of the providers that work elsewhere, and cost something."""
    return [slug for slug, provider in all_providers().items() if not provider.computes]


def get_offer(provider: type[Provider], operation: str) -> Offer:
    """Raises ``RequestError`` when the provider does not do the operation, and names those that do."""
    offer = provider.offers.get(Operation(operation)) if operation in set(Operation) else None
    if offer is not None:
        return offer
    able = [other.label for other in all_providers().values() if operation in other.offers]
    instead = f"These can: {', '.join(able)}." if able else "It needs a hosted provider."
    raise RequestError(f"{provider.label} cannot do “{operation}”. {instead}", code="unsupported_operation")


def provider_choices() -> list[tuple[str, str]]:
    """For model fields: a callable, so that a new provider makes no migration."""
    return [(slug, provider.label) for slug, provider in all_providers().items()]
