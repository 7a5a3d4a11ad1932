"""Uploads: pictures that come through the API and belong to no product of the shop."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils.text import Truncator
from django.utils.translation import gettext

from product_imagery.exceptions import PictureError, StateError
from product_imagery.imaging.digest import digest_of
from product_imagery.imaging.magic import HEAD, suffix_of
from product_imagery.models import EnhancementItem, Upload
from product_imagery.models.enhancement import ItemQuerySet
from product_imagery.products import description_of
from product_imagery.states import ACTIVE_ITEMS
from product_imagery.storage import store
from product_imagery.storage.names import beside_upload


def take(path: Path, *, origin: str, name: str, owner: AbstractBaseUser, is_test: bool) -> Upload:
    """Store a picture that was sent, outside any transaction; ``keep`` it when the request is accepted.

    The row is written first, so that no file is without one. Raises ``PictureError`` for a file that is no picture of
    a supported format, ``StorageError``.
    """
    with path.open("rb") as handle:
        suffix = suffix_of(handle.read(HEAD))
    if not suffix:
        raise PictureError(gettext("This is not a picture. Send JPEG, PNG, WebP, TIFF or AVIF."), code="not_an_image")
    upload = _new(name, owner, is_test, origin, suffix)
    upload.save(force_insert=True)
    stored = store.keep(store.results_storage(), str(upload.source.name), path, digest_of(path))
    if stored != upload.source.name:
        Upload.objects.filter(pk=upload.pk).update(source=stored)
        upload.source.name = stored
    return upload


def referring(url: str, *, origin: str, name: str, owner: AbstractBaseUser, is_test: bool) -> Upload:
    """Return an unsaved upload for a picture that a worker fetches from ``url`` when it is needed."""
    upload = _new(name, owner, is_test, origin, "")
    upload.source_url = url
    return upload


def _new(name: str, owner: AbstractBaseUser, is_test: bool, origin: str, suffix: str) -> Upload:
    upload = Upload(owner_id=owner.pk, is_test=is_test, origin=origin, name=Truncator(name).chars(200))
    upload.source.name = beside_upload(upload.pk, f"source{suffix}")
    return upload


def known(owner: AbstractBaseUser, is_test: bool, origins: Collection[str]) -> dict[str, Upload]:
    """Return the newest kept upload of the owner for each of these origins, so that no work is bought twice."""
    mine = Upload.objects.of(owner, is_test).filter(kept=True, origin__in=origins) if origins else ()
    return {upload.origin: upload for upload in sorted(mine, key=lambda upload: upload.pk)}


def at_work(uploads: Iterable[Upload]) -> set[uuid.UUID]:
    """Return the primary keys of those uploads that are being worked on."""
    by_key = {str(upload.pk): upload.pk for upload in uploads}
    active = _items_of(by_key).filter(status__in=ACTIVE_ITEMS).values_list("object_id", flat=True)
    return {by_key[key] for key in active}


def keep(uploads: Sequence[Upload], passed_over: Collection[uuid.UUID] = ()) -> list[Upload]:
    """Keep the uploads of an accepted request, and return those to use. To be called in its transaction.

    An upload of the same picture that the owner kept meanwhile, in another request, is used instead, unless it is in
    ``passed_over``.
    """
    if not uploads:
        return []
    first = uploads[0]
    assert first.owner is not None
    owner = get_user_model()._default_manager.select_for_update(no_key=True).get(pk=first.owner.pk)
    meanwhile = known(owner, first.is_test, {upload.origin for upload in uploads})
    usable = {origin: same for origin, same in meanwhile.items() if same.pk not in passed_over}
    standing = [usable.get(one.origin, one) for one in uploads]
    Upload.objects.filter(pk__in=[one.pk for one in standing]).update(kept=True)
    return standing


def discard(uploads: Iterable[Upload]) -> int:
    """Delete uploads whose request was not accepted, with their files; return how many."""
    unkept = list(Upload.objects.filter(pk__in=[upload.pk for upload in uploads], kept=False))
    if not unkept:
        return 0
    Upload.objects.filter(pk__in=[upload.pk for upload in unkept], kept=False).delete()
    store.delete_quietly(store.results_storage(), [str(upload.source.name) for upload in unkept])
    return len(unkept)


def delete(upload: Upload) -> None:
    """Delete an upload with its files; its results stay. Raises ``StateError`` while it is worked on.

    Work that begins at the same moment fails with its reason, before anything is bought.
    """
    items = _items_of([str(upload.pk)])
    with transaction.atomic():
        Upload.objects.filter(pk=upload.pk).update(kept=True)  # locks the row: of two calls that delete, one waits
        if items.filter(status__in=ACTIVE_ITEMS).exists():
            raise StateError(gettext("This picture is being worked on. Cancel that first, or wait until it is done."))
        Upload.objects.filter(pk=upload.pk).delete()
        items.update(source_url="")  # so that no worker fetches it again
        transaction.on_commit(lambda: _clear(upload.pk))


def _clear(pk: uuid.UUID) -> None:
    storage = store.results_storage()
    store.delete_quietly(storage, store.listed(storage, beside_upload(pk, "")))


def _items_of(keys: Iterable[str]) -> ItemQuerySet:
    content_type = description_of(Upload).content_type()
    return EnhancementItem.objects.filter(content_type=content_type, object_id__in=list(keys))
