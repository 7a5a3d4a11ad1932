"""Upload: pictures that come through the API and belong to no product of the shop."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils.text import Truncator

from product_imagery import files
from product_imagery.exceptions import PictureError, StateError
from product_imagery.fetching import check_syntax
from product_imagery.imaging.sniff import HEAD, suffix_of
from product_imagery.models import EnhancementItem, Upload
from product_imagery.products import description_of
from product_imagery.states import ACTIVE_ITEMS


def take(path: Path, digest: str, *, name: str, owner: AbstractBaseUser, is_test: bool) -> Upload:
    """Store a picture that was sent, outside any transaction; ``keep`` it when the request is accepted.

    The row comes first, so that no file is ever without one. Raises ``PictureError`` for what is none of the kinds
    that we read, ``StorageError``.
    """
    with path.open("rb") as handle:
        suffix = suffix_of(handle.read(HEAD))
    if not suffix:
        raise PictureError("This is not a picture. Send JPEG, PNG, WebP, TIFF or AVIF.", code="not_an_image")
    upload = _new(name, owner, is_test, suffix)
    upload.source_digest = digest
    upload.save(force_insert=True)
    stored = files.keep(files.results_storage(), str(upload.source.name), path, digest)
    if stored != upload.source.name:
        Upload.objects.filter(pk=upload.pk).update(source=stored)
    return upload


def refer(url: str, *, name: str, owner: AbstractBaseUser, is_test: bool) -> Upload:
    """A picture that a worker fetches from ``url`` when it is needed. Raises ``UnsafeAddress`` for a wrong address."""
    check_syntax(url)
    upload = _new(name, owner, is_test, "")
    upload.source_url = url
    upload.save(force_insert=True)
    return upload


def _new(name: str, owner: AbstractBaseUser, is_test: bool, suffix: str) -> Upload:
    upload = Upload(owner=owner, is_test=is_test, name=Truncator(name).chars(200))  # type: ignore[misc]
    upload.source.name = files.beside_upload(upload.pk, f"source{suffix}")
    return upload


def known(owner: AbstractBaseUser, *, is_test: bool, digest: str = "", url: str = "") -> Upload | None:
    """The upload of the same picture, or from the same address: the same work is not bought twice."""
    same = {"source_digest": digest} if digest else {"source_url": url}
    return Upload.objects.of(owner, is_test).filter(kept=True, **same).first()


def keep(uploads: Iterable[Upload]) -> None:
    """The request that brought these is accepted."""
    Upload.objects.filter(pk__in=[upload.pk for upload in uploads]).update(kept=True)


def discard(uploads: Iterable[Upload]) -> int:
    """Forget uploads that no request was accepted for; return how many."""
    forgotten = 0
    for upload in uploads:
        if Upload.objects.filter(pk=upload.pk, kept=False).delete()[0]:
            files.delete_quietly(files.results_storage(), upload.file_names())
            forgotten += 1
    return forgotten


def delete(upload: Upload) -> None:
    """Delete a picture with its files; what was made of it stays. Raises ``StateError`` while it is worked on."""
    content_type = description_of(Upload).content_type()
    with transaction.atomic():
        Upload.objects.filter(pk=upload.pk).update(kept=True)  # a lock: nobody starts anything with it meanwhile
        at_work = EnhancementItem.objects.filter(
            content_type=content_type, object_id=str(upload.pk), status__in=ACTIVE_ITEMS
        )
        if at_work.exists():
            raise StateError("This picture is being worked on. Cancel that first, or wait until it is done.")
        Upload.objects.filter(pk=upload.pk).delete()
        names = upload.file_names()
        transaction.on_commit(lambda: files.delete_quietly(files.results_storage(), names))
