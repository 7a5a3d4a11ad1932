"""Standing: find out which pictures stand on the products now.

Imports, people and backups change products, too. So a picture is said to be on its product only when the product's
field holds the name of the file that was published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db import router

from product_imagery.exceptions import RegistrationError
from product_imagery.models import EnhancementItem, ImageVersion, ResultImage
from product_imagery.products import ProductImages, description_for
from product_imagery.rows import portions
from product_imagery.states import Publication


def names(items: Iterable[EnhancementItem]) -> dict[int, str | None]:
    """Return the file names in the target fields, by primary key of the items; ``None`` where the row is gone.

    Makes one query for each description and 10,000 items.
    """
    found: dict[int, str | None] = {}
    by_kind: dict[int, list[EnhancementItem]] = defaultdict(list)
    for item in items:
        found[item.pk] = None
        by_kind[item.content_type_id].append(item)
    for kind, some in by_kind.items():
        try:
            found |= _names_of(description_for(kind), some)
        except RegistrationError:  # the model, or its description, is gone
            continue
    return found


def _names_of(description: ProductImages, items: list[EnhancementItem]) -> dict[int, str | None]:
    rows: dict[str, str] = {}
    keys = {item.pk: item.slot or item.object_id for item in items}
    for some in portions(sorted(set(keys.values())), router.db_for_read(description.holder)):
        holders = description.holder._base_manager.filter(pk__in=some)
        rows |= {str(key): str(name or "") for key, name in holders.values_list("pk", description.target_field.name)}
    return {pk: rows.get(key) for pk, key in keys.items()}


def on_product(results: Collection[ResultImage]) -> set[int]:
    """Return the primary keys of those results whose published files stand on their products now.

    Makes two or three queries, however many results there are.
    """
    published: dict[int, set[str]] = defaultdict(set)
    for result, name in ImageVersion.objects.filter(result__in=[one.pk for one in results]).values_list(
        "result", "after_name"
    ):
        published[result].add(name)
    candidates = [result for result in results if result.pk in published]
    now = names(result.item for result in candidates)
    return {result.pk for result in candidates if now[result.item_id] in published[result.pk]}


def publications(results: Collection[ResultImage]) -> dict[int, Publication]:
    """Return the publication state of each result as it is now: ``none`` for one that was replaced on its product."""
    there = on_product(results)
    found = {result.pk: Publication(result.publication) for result in results}
    for pk, remembered in found.items():
        if pk in there and remembered != Publication.WAITING:
            found[pk] = Publication.PUBLISHED
        elif remembered == Publication.PUBLISHED:
            found[pk] = Publication.NONE
    return found
