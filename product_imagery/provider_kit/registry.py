"""Finds the provider folders. Adding one needs no edit here or elsewhere."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Mapping

from product_imagery import providers
from product_imagery.exceptions import RequestError
from product_imagery.provider_kit.contract import Offer, Operation, Provider


@functools.cache
def all_providers() -> Mapping[str, type[Provider]]:
    """Every provider class by slug, in the order of their slugs. A broken provider module is not hidden."""
    found: dict[str, type[Provider]] = {}
    for folder in sorted(info.name for info in pkgutil.iter_modules(providers.__path__) if info.ispkg):
        module = importlib.import_module(f"{providers.__name__}.{folder}.provider")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, Provider) and member.__module__ == module.__name__:
                found[member.slug] = member
    return found


def get_provider(slug: str) -> type[Provider]:
    """Raises ``RequestError`` for a slug that no folder declares."""
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
    """For model fields: a callable, so that a new folder makes no migration."""
    return [(slug, provider.label) for slug, provider in all_providers().items()]
