"""Validation of provider classes that come from other packages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from product_imagery.exceptions import OptionError
from product_imagery.provider_kit.contract import MOST_PATIENCE, Field, Form, Limit, Offer, Operation, Provider

_SLUG = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def fault_of_class(value: object) -> str:
    """Return why ``value`` is not a usable provider class, as the end of a sentence about it; empty if it is.

    Raises whatever the class itself raises.
    """
    if not (isinstance(value, type) and issubclass(value, Provider)):
        return "is not a subclass of product_imagery.provider_kit.contract.Provider."
    return next(_faults(value), "")


def _faults(provider: type[Provider]) -> Iterator[str]:
    slug, label = getattr(provider, "slug", None), getattr(provider, "label", None)
    if not (isinstance(slug, str) and _SLUG.fullmatch(slug)):
        yield f"declares the slug {slug!r}: at most 40 lower-case letters, digits, “_” and “-” are possible."
    if not (isinstance(label, str) and label):
        yield "declares no label."
    yield from _faults_of_methods(provider)
    yield from _faults_of_numbers(provider)
    yield from _faults_of_address(provider)
    offers: Any = provider.offers
    if not isinstance(offers, Mapping) or not offers:
        yield "offers no operation."
    for operation, offer in offers.items():
        if not (isinstance(operation, Operation) and isinstance(offer, Offer)):
            yield f"declares under {operation!r} something that is not an Offer for an Operation."
        yield from (f"offers {operation} with {fault}" for fault in _faults_of_offer(offer))
    provider()


def _faults_of_methods(provider: type[Provider]) -> Iterator[str]:
    if provider.submit is Provider.submit:
        yield "has no method “submit”."
    if provider.poll is Provider.poll and not provider.computes:
        yield "has no method “poll”."


def _faults_of_numbers(provider: type[Provider]) -> Iterator[str]:
    if not (isinstance(provider.batch, int) and provider.batch >= 1):
        yield f"declares the batch {provider.batch!r}: one picture or more."
    if not 0 < provider.patience <= MOST_PATIENCE:
        yield f"declares the patience {provider.patience!r}: at most {MOST_PATIENCE:g} seconds."
    if provider.deadline <= 0 or provider.active_jobs < 0 or provider.max_source_bytes <= 0:
        yield "declares a deadline, a number of active jobs or a size of sources that is negative."
    for limit in provider.limits:
        if not (isinstance(limit, Limit) and limit.most >= 1 and limit.seconds >= 1):
            yield f"declares {limit!r}, which is not a usable limit."


def _faults_of_address(provider: type[Provider]) -> Iterator[str]:
    form: Any = provider.form
    if not isinstance(form, Form):
        yield f"takes sources as {form!r}, which is not a Form."
    if not provider.computes and not provider.base_url.startswith(("https://", "http://")):
        yield f"declares the base address {provider.base_url!r}: a web address is needed."
    if any(name != name.lower() for name in provider.webhook_headers):
        yield "names headers of webhooks that are not in lower case."
    names = [field.name for field in provider.fields if isinstance(field, Field)]
    if len({*names, "key"}) <= len(provider.fields):
        yield "declares fields that have no names of their own; “key” is taken."


def _faults_of_offer(offer: Offer) -> Iterator[str]:
    names = [option.name for option in offer.options]
    if len(set(names)) < len(names):
        yield "two options of one name."
    defaults = {}
    for option in offer.options:
        try:
            defaults[option.name] = option.cleaned_default
        except OptionError as error:
            yield f"a default that does not fit. {error.message}"
    if len(defaults) < len(set(names)):
        return  # then price and growth cannot be asked
    if any(price < 0 for price in (offer.cost_of(defaults), *offer.prices().values())):
        yield "a price below zero."
    if offer.seconds <= 0 or offer.growth_of(defaults) <= 0:
        yield "a duration or a growth that is not above zero."
