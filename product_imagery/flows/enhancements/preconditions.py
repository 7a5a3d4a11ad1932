"""Preconditions: test before a purchase what has to hold after it.

``check_target`` is called once for each description, ``hindered`` once for many pictures: neither makes a query for
each of them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.core.files.storage import FileSystemStorage
from django.db import models, router
from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import RequestError, StorageError
from product_imagery.flows.enhancements.specs import WorkSpec
from product_imagery.imaging.dimensions import HEAD, dimensions
from product_imagery.imaging.fit import LARGEST
from product_imagery.imaging.growth import grows_too_large, too_large
from product_imagery.products import ProductImages, ProductPicture
from product_imagery.products.paths import beyond
from product_imagery.provider_kit.contract import Form, Provider
from product_imagery.rows import portions, read_rows
from product_imagery.storage import probe

#: reasons for which the result of a picture could not be used
RESULT_TOO_LARGE, NAME_TOO_LONG = "result_too_large", "name_too_long"
_ENDING = f"{'0' * 12}-{'0' * 12}.webp"  #: end of the name of every published file
_AMPLE = 40  #: characters; where one row has so many to spare, the names of the others are taken to fit as well
_TRIED_SECONDS = 600.0  #: for which a storage that accepted a file is not tested again
_NOBODY: Any = None
_PROBE = "product-imagery-test.txt"
_tried: dict[models.FileField, float] = {}


def check_target(description: ProductImages) -> None:
    """Make sure that results could be published to products of this description.

    Raises ``RequestError`` when its field is too short for any file name, ``StorageError`` when its storage accepts no
    files. That is tested with a small file, at most every ten minutes.
    """
    sentence = too_short(description)
    if sentence:
        raise RequestError(
            gettext("Nothing was started or spent. %(sentence)s") % {"sentence": sentence}, code=NAME_TOO_LONG
        )
    field = description.target_field
    if _tried.get(field, 0.0) > time.monotonic():
        return
    try:
        probe.try_out(field.storage, _PROBE if callable(field.upload_to) else field.generate_filename(_NOBODY, _PROBE))
    except StorageError as error:
        sentence = gettext(
            "The storage of %(field)s takes no files now, so a result could not be put on its product. "
            "Nothing was started or spent. Look after the storage, then start again."
        ) % {"field": field}
        raise StorageError(sentence, code="target_not_writable", detail=error.detail) from error
    _tried[field] = time.monotonic() + _TRIED_SECONDS


def too_short(description: ProductImages) -> str:
    """Return a sentence if no file name fits the target field, or ``""``.

    Where ``upload_to`` is a function of the host, nothing is said here: names depend on the rows.
    """
    field = description.target_field
    if callable(field.upload_to) or _spare(field, _NOBODY) >= 0:
        return ""
    needed = (field.max_length or 0) - _spare(field, _NOBODY)
    return gettext(
        "The field %(field)s is too short for a file name, which needs %(needed)s characters: give it max_length=255."
    ) % {"field": field, "needed": needed}


def hindered(
    description: ProductImages, pictures: Sequence[ProductPicture], spec: WorkSpec
) -> dict[tuple[str, str], str]:
    """Return the reasons for which results could not be used, by product and slot of the pictures that have one.

    Sizes are known from files on this machine or columns of the model. All others are checked before they are sent.
    """
    found = dict.fromkeys(_too_large(description, pictures, spec), RESULT_TOO_LARGE)
    if not (spec.is_test or spec.is_sandbox):
        found |= dict.fromkeys(_too_long(description, pictures), NAME_TOO_LONG)
    return found


def sentence_of(reason: str, provider: type[Provider]) -> str:
    """Return a reason in words."""
    if reason == RESULT_TOO_LARGE:
        return too_large(bounds_of(provider), gettext("Nothing is spent on these pictures."))
    return gettext("The name of the published file would not fit the product's field: give it max_length=255.")


def bounds_of(provider: type[Provider]) -> dict[str, int]:
    """Return the bounds of a provider's results; for an engine on this machine they are those of sources."""
    settings = get_settings()
    return settings.bounds() if provider.computes else settings.result_bounds()


def _too_large(description: ProductImages, pictures: Sequence[ProductPicture], spec: WorkSpec) -> list[tuple[str, str]]:
    growth, provider = spec.offer.growth_of(spec.options), spec.credential.declared
    if growth <= 1:
        return []
    bounds = bounds_of(provider)
    as_it_is = provider.computes or provider.form is Form.NAME
    return [
        place
        for place, size in _sizes(description, pictures).items()
        if grows_too_large(size if as_it_is else _at_most(size, LARGEST), growth, bounds)
    ]


def _at_most(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the size of the copy that is sent to a provider, with the longer side at most ``side`` pixels."""
    factor = min(1.0, side / max(size))
    return round(size[0] * factor), round(size[1] * factor)


def _sizes(description: ProductImages, pictures: Sequence[ProductPicture]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return width and height in pixels, by product and slot, where they can be had without a download."""
    storage, field = description.storage, description.source_field
    if isinstance(storage, FileSystemStorage):
        found = {(one.object_id, one.slot): _size_of(storage, one.source_name) for one in pictures}
        return {place: size for place, size in found.items() if size}
    columns = [getattr(field, name, None) for name in ("width_field", "height_field")]
    return _written_sizes(description, pictures, [str(name) for name in columns]) if all(columns) else {}


def _written_sizes(
    description: ProductImages, pictures: Sequence[ProductPicture], columns: Sequence[str]
) -> dict[tuple[str, str], tuple[int, int]]:
    """Return width and height from the columns of rows that still hold the same files."""
    places = _by_key(pictures)
    names = {(one.object_id, one.slot): one.source_name for one in pictures}
    source = description.source_from_holder
    found: dict[tuple[str, str], tuple[int, int]] = {}
    if source is None:
        return found
    columns = [beyond(source.prefix, name) for name in columns]
    for some in portions(list(places), router.db_for_read(description.holder)):
        rows = description.holder._base_manager.filter(pk__in=some)
        for key, name, *size in rows.values_list("pk", source.lookup, *columns):
            if all(size) and str(name) == names[places[str(key)]]:
                found[places[str(key)]] = (size[0], size[1])
    return found


def _size_of(storage: FileSystemStorage, name: str) -> tuple[int, int] | None:
    with suppress(Exception), open(storage.path(name), "rb") as handle:  # an unreadable file gets its own error later
        return dimensions(handle.read(HEAD))
    return None


def _too_long(description: ProductImages, pictures: Sequence[ProductPicture]) -> list[tuple[str, str]]:
    """Return the pictures for which the host's ``upload_to`` makes file names that do not fit the field.

    Rows on which that function fails pass: it may have what it needs by the time of the publication.
    """
    field, places = description.target_field, _by_key(pictures)
    if not callable(field.upload_to) or not places:
        return []
    rows, keys = description.holder._base_manager.all(), list(places)
    sample = read_rows(rows, keys[:1], lambda row: _spare(field, row))
    if all(spare is not None and spare >= _AMPLE for spare in sample.values()):
        return []
    found: dict[Any, int | None] = {}
    for some in portions(keys, router.db_for_read(description.holder)):
        found |= read_rows(rows, some, lambda row: _spare(field, row))
    return [places[str(key)] for key, spare in found.items() if spare is not None and spare < 0]


def _by_key(pictures: Sequence[ProductPicture]) -> Mapping[str, tuple[str, str]]:
    """Return product and slot of the pictures by the primary keys of the rows that hold them."""
    return {one.slot or one.object_id: (one.object_id, one.slot) for one in pictures}


def _spare(field: models.FileField, row: Any) -> int:
    """Return how many characters the shortest name of a published file leaves free in the field."""
    return (field.max_length or 10_000) - len(field.generate_filename(row, _ENDING))
