"""Publish: put approved pictures on their products, keep the pictures before, and put those back exactly."""

from __future__ import annotations

import logging
import posixpath
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext, gettext_noop

from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError, PublicationConflict, StateError, StorageError
from product_imagery.flows.events import outbox
from product_imagery.flows.guard import TRANSIENT, attempt, reason_of, retried
from product_imagery.flows.identity import Publications
from product_imagery.flows.people import name_of_other
from product_imagery.flows.results.refresh import refresh_on_commit
from product_imagery.models import EnhancementItem, ImageVersion, ResultImage, transitions
from product_imagery.models.db_time import from_now
from product_imagery.models.result import ResultQuerySet
from product_imagery.products import ProductImages, description_for
from product_imagery.products.slots import ProductSlot, read_slot
from product_imagery.storage import store
from product_imagery.storage.scratch import TEMPORARY

logger = logging.getLogger("product_imagery")

_WAITS = (2, 15, 60, 60)  #: seconds to wait after each failed attempt
LOCK_MILLISECONDS = 2000  #: for which a locked row of the shop is waited for
_BUSY = gettext_noop("Somebody else is changing the product, or the database is busy. It is tried again.")
_FAILED = gettext_noop("The shop's own code could not take the picture. Nothing was changed on the product.")
_ENDLESS = gettext_noop(
    "Publishing was begun several times and never came to an end: the shop's own code or storage "
    "hangs. Have that repaired, then publish again: it costs nothing."
)
_NO_LIMIT = 1 << 40  #: bytes

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Copy:
    """The name of a picture that lies where its product keeps its files, and the slot that it is to be put in."""

    slot: ProductSlot
    name: str


def put_on_product(result: ResultImage) -> ImageVersion | None:
    """Put a leased result on its product: first copy the file, then switch the field.

    Returns ``None`` when it could not be done. If the product has changed, that is a conflict, which the reviewer sees.
    If the storage, the database or the shop's own code failed, it is tried again; what fails again and again for
    another reason than a busy database or storage is set aside as a conflict with its reason.
    """
    copy = _try(result, partial(_copy, result))
    return _try(result, partial(_switch, result, copy), copy.name) if copy else None


def _try(result: ResultImage, step: Callable[[], _T], copied: str = "") -> _T | None:
    """Make a step. If it fails, write down why and return ``None``; the copy goes if it is of no use any more."""
    done: list[_T] = []
    error = attempt(lambda: done.append(step()))
    if error is not None:
        _note(result, copied, error)
    return done[0] if done else None


def _copy(result: ResultImage) -> _Copy:
    slot = _expected(result.item)
    return _Copy(slot, _copy_to_product(slot, result))


def _note(result: ResultImage, stored: str, error: Exception) -> None:
    """Record why a result was not published, and try again later or set it aside, if the lease is still held."""
    if isinstance(error, StateError):
        return
    passing = isinstance(error, StorageError) and error.code != "missing"
    if passing or isinstance(error, TRANSIENT):
        sentence = error.message if isinstance(error, ImageryError) else gettext(_BUSY)
        _later(result, sentence, attempts=0)
    elif isinstance(error, ImageryError) and not isinstance(error, StorageError):
        _refuse(result, stored, error)
    else:
        _may_be_refused(result, stored, error)


def _may_be_refused(result: ResultImage, stored: str, error: Exception) -> None:
    """Log a failure of the shop's code, or a missing file; try a few times more, then set the result aside."""
    ids = {"result": result.pk, "job": result.job_id, "enhancement": result.enhancement_id}
    logger.error("Result %s could not be published.", result.pk, exc_info=error, extra=ids)
    sentence = (
        error.message
        if isinstance(error, ImageryError)
        else gettext("%(failed)s (%(reason)s)") % {"failed": gettext(_FAILED), "reason": reason_of(error)}
    )
    if result.attempts < len(_WAITS):
        _later(result, sentence)
    else:
        _refuse(result, stored, PublicationConflict(sentence))


def _later(result: ResultImage, sentence: str, **changes: int) -> None:
    """Keep the lease until the next attempt, so that nobody makes it earlier."""
    wait = _WAITS[min(result.attempts, len(_WAITS)) - 1]
    held = ResultImage.objects.held(result)
    held.update(leased_until=from_now(wait), publication_note=sentence[:500], **changes)


def give_up_endless() -> int:
    """Give up results whose publication was begun ``MAX_CLAIMS`` times and never ended; return how many."""
    return ResultImage.objects.give_up_endless(get_settings().max_claims, gettext(_ENDLESS))


def _wait_shortly_for_locks() -> None:
    """Let this transaction wait for locked rows for a short time only; the publication is tried again later."""
    if connection.vendor == "postgresql" and not connection.savepoint_ids:  # in one of the caller's it would stay set
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_MILLISECONDS}ms'")


def _refuse(result: ResultImage, stored: str, error: ImageryError) -> None:
    """Set the result aside with a reason; delete the copy only while the lease keeps others from it."""
    if transitions.mark_conflict(ResultImage.objects.held(result), error.message) and stored:
        _drop_copy(description_for(result.item.content_type_id), stored)


def _expected(item: EnhancementItem) -> ProductSlot:
    """Return the slot of the picture. Raises ``PublicationConflict`` if the product has changed meanwhile."""
    description = description_for(item.content_type_id)
    slot = read_slot(description, item.object_id, item.slot)
    if slot is None:
        raise PublicationConflict(gettext("The product, or this picture of it, no longer exists."))
    if slot.target_name != item.target_name or not (description.is_in_place or _is_same_source(slot, item)):
        message = gettext("The product's picture was changed after this one was started, so nothing was overwritten.")
        raise PublicationConflict(message)
    digest = _digest_of_source(slot, item)
    if digest and store.digest(description.storage, slot.source_name) != digest:
        raise PublicationConflict(gettext("The product's photo is no longer the one that this picture was made from."))
    return slot


def _is_same_source(slot: ProductSlot, item: EnhancementItem) -> bool:
    """Return true if the photo is the one that the work was started for, or was published by us in its place."""
    if slot.source_name == item.source_name:
        return True
    place = slot.source_place
    publications = Publications([place])
    return publications.original(place, slot.source_name) == publications.original(place, item.source_name)


def _digest_of_source(slot: ProductSlot, item: EnhancementItem) -> str:
    """Return the SHA-256 (hex) that the photo should have, or ``""`` where it is not known.

    It is that of the source, or of the file that we published in its place, while that file exists.
    """
    source = slot.source_name
    if source == item.source_name:
        return item.source_digest
    ours = ImageVersion.objects.filter(place=slot.source_place, after_name=source).order_by("pk").first()
    return ours.after_digest if ours and slot.description.storage.exists(source) else ""


def _copy_to_product(slot: ProductSlot, result: ResultImage) -> str:
    """Copy the picture to where the product's field keeps its files; repeated, it finds the same copy.

    Raises ``PublicationConflict`` when the stored picture is damaged, ``StorageError``.
    """
    own_name = str(result.image.name)
    suffix = posixpath.splitext(own_name)[1]
    ending = f"{result.uuid.hex[:12]}-{result.sha256[:12]}{suffix}"
    stem = slot.description.file_stem(result.item.object_id, result.item.label)
    name = slot.published_name(stem, ending)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY) as folder:
        path = Path(folder, "picture")
        if store.copy_out(result.image.storage, own_name, path, _NO_LIMIT) != result.sha256:
            raise PublicationConflict(gettext("The stored picture is damaged: its bytes are not those that were made."))
        return store.keep(slot.description.target_storage, name, path, result.sha256)


def _switch(result: ResultImage, copy: _Copy) -> ImageVersion:
    """Change product, history and result in one transaction, so that they agree whatever happens.

    Raises ``StateError`` when the lease is lost, ``PublicationConflict`` when the field has changed. A worker that
    froze after copying, while another one publishes::

        worker A: copies the file, freezes
        worker B: acquires the result when the lease has expired, finds the same copy, switches the field, commits
        worker A: ``held`` is empty, so ``StateError``; the field is not written again, the copy stays
    """
    item, description, before, stored = result.item, copy.slot.description, copy.slot.target_name, copy.name
    before_digest = store.digest(description.target_storage, before) if _is_there(description, before) else ""
    with transaction.atomic():
        _wait_shortly_for_locks()
        if not transitions.mark_published(ResultImage.objects.held(result)):
            raise StateError(gettext("Somebody else is publishing this picture."))
        if not description.write(item.object_id, item.slot, expected=before, name=stored):
            raise PublicationConflict(
                gettext("The product's picture was changed at this very moment; nothing was overwritten.")
            )
        version = ImageVersion.objects.create(
            result=result,
            label=item.label,
            before_name=before,
            before_null=copy.slot.is_null,
            before_digest=before_digest,
            after_name=stored,
            after_digest=result.sha256,
            published_by=result.published_by,
            **item.same_picture(),
        )
        _expect_from_now_on(version, stored, instead_of=before)
        transitions.mark_displaced(_standing(version, before))
        refresh_on_commit(description, version)
        outbox.image_published(version)
    return version


def _is_there(description: ProductImages, name: str) -> bool:
    return bool(name) and description.target_storage.exists(name)


def _drop_copy(description: ProductImages, name: str) -> None:
    """Delete a copy that no version names."""
    if not ImageVersion.objects.filter(after_name=name).exists():
        store.delete_quietly(description.target_storage, [name])


def _expect_from_now_on(version: ImageVersion, name: str, *, instead_of: str) -> None:
    """Expect another name on other items of the same picture, so that our change is no conflict for them."""
    EnhancementItem.objects.filter(place=version.place, target_name=instead_of).update(target_name=name)


def _standing(version: ImageVersion, name: str) -> ResultQuerySet:
    """Return the result whose published file is ``name``, if it is one of ours."""
    same = ImageVersion.objects.filter(place=version.place, after_name=name)
    return ResultImage.objects.filter(versions__in=same.exclude(pk=version.pk)).exclude(versions=version)


@retried
def restore(version: ImageVersion, *, actor: AbstractBaseUser | None) -> None:
    """Put back exactly what stood on the product before; the published file stays.

    Raises ``StateError`` when that was done already, ``PublicationConflict`` when another picture stands there now,
    ``StorageError`` when the earlier file is gone or no longer the same.
    """
    description = description_for(version.content_type_id)
    if version.before_name:
        _check_before(description, version)
    name = None if version.before_null else version.before_name
    with transaction.atomic():
        _wait_shortly_for_locks()
        untouched = ImageVersion.objects.filter(pk=version.pk, restored_at=None)
        if not untouched.update(restored_at=Now(), restored_by=actor):
            raise already_put_back(version, actor)
        done = description.write(version.object_id, version.slot, expected=version.after_name, name=name)
        if not done:
            message = gettext("another picture stands there now. Take a newer publication back first, if there is one.")
            raise PublicationConflict(gettext("%(label)s: %(message)s") % {"label": version.label, "message": message})
        if version.result_id:
            transitions.mark_restored(ResultImage.objects.filter(pk=version.result_id))
        _expect_from_now_on(version, version.before_name, instead_of=version.after_name)
        transitions.mark_published(_standing(version, version.before_name))
        refresh_on_commit(description, version)
        outbox.image_restored(version)


def already_put_back(version: ImageVersion, actor: AbstractBaseUser | None) -> StateError:
    """Return the error of a version that was taken back before, with the name of the person who did it."""
    found = ImageVersion.objects.select_related("restored_by").get(pk=version.pk)
    if person := name_of_other(found.restored_by, actor):
        return StateError(gettext("%(person)s has put the earlier picture back already.") % {"person": person})
    return StateError(gettext("The earlier picture has been put back already."))


def _check_before(description: ProductImages, version: ImageVersion) -> None:
    try:
        found = store.digest(description.target_storage, version.before_name)
    except StorageError as error:
        message = gettext("The earlier file is no longer in the storage, so it cannot be put back.")
        raise StorageError(message, code="before_missing", detail=error.detail) from error
    if version.before_digest and found != version.before_digest:
        message = gettext("The earlier file has been changed since; it is not what stood on the product.")
        raise StorageError(message, code="before_changed")
