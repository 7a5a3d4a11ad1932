"""Selection: the products that a caller names, as primary keys by the descriptions of their models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from django.db.models import Model, QuerySet
from django.utils.translation import gettext

from product_imagery.exceptions import RequestError
from product_imagery.products import ProductImages, description_of

#: products, by their descriptions: primary keys
Chosen: TypeAlias = Mapping[ProductImages, Sequence[Any]]
#: products as callers name them: a queryset, or instances of one or several models, or primary keys by description
Products: TypeAlias = QuerySet[Any] | Iterable[Model] | Chosen


def choose(products: Products) -> Chosen:
    """Return the primary keys of these products, each once. Instances of a queryset are not loaded.

    Raises ``RegistrationError`` for a model without a description, ``RequestError`` for what is no saved product.
    """
    if isinstance(products, Mapping):
        return products
    if isinstance(products, QuerySet):
        return {description_of(products.model): list(dict.fromkeys(products.values_list("pk", flat=True)))}
    chosen: dict[ProductImages, dict[Any, None]] = {}
    for product in products:
        if not isinstance(product, Model) or product.pk is None:
            sentence = gettext(
                "%(product)r is no saved product. Give a queryset or instances of registered models."
            ) % {"product": product}
            raise RequestError(sentence, code="bad_product")
        chosen.setdefault(description_of(type(product)), {})[product.pk] = None
    return {description: list(keys) for description, keys in chosen.items()}
