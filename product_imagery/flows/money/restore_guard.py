"""Restore guard: a database that was restored from a backup, or copied, buys nothing again on its own.

Work that was sent after the backup is queued in it as if it had never been sent. So after each purchase a number is
raised in the database and written to the storage, and the two are compared before anything is bought::

    database   number 7, confirmed 7    7           4           7                    7
    storage    holds 7                  8           7           nothing              cannot be read
    result     they agree               went back   went back   copied, or moved     nothing is sent for now

Where database and storage were copied together, nothing can be noticed.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_noop

from product_imagery import signals
from product_imagery.exceptions import StorageError
from product_imagery.models import ProviderCredential, SpendingMark
from product_imagery.provider_kit.registry import hosted_providers
from product_imagery.storage import watermark

logger = logging.getLogger("product_imagery")

WENT_BACK = gettext_noop(
    "The database is older than what was bought with it: restored or copied. "
    "See “imagery_remote … unknown”, cancel what was bought already, then resume."
)
NOT_KNOWN = gettext_noop(
    "The storage of results does not know this database: a copy, or STORAGE, FOLDER or the bucket changed. "
    "On a copy leave it paused; otherwise see “imagery_remote … unknown”, then resume."
)
_COMPARISONS = 3  #: at most, as another worker may raise the number between reading the two
_AGAIN_SECONDS = 120.0  #: for which nothing is sent when the storage cannot be read


def note_spending() -> bool:
    """Raise the number in database and storage after a purchase; return false, to repeat it, if the storage failed."""
    before = SpendingMark.objects.current().confirmed
    mark = SpendingMark.objects.increment()
    try:
        watermark.write(mark.uuid, mark.number)
    except StorageError:
        ids = {"mark": str(mark.uuid), "number": mark.number}
        logger.warning("The number of purchases could not be written to the storage.", exc_info=True, extra=ids)
        return False
    SpendingMark.objects.confirm(mark)  # before the lower number is deleted: one of the two is always there
    watermark.drop_lower(mark.uuid, mark.number, known=before)
    return True


def pause_if_restored() -> bool:
    """Pause the accounts of hosted providers unless database and storage agree; return true if it did.

    While the storage cannot be read, nothing is sent.
    """
    credentials = ProviderCredential.objects.filter(provider__in=hosted_providers())
    if not credentials.exists():
        return False
    try:
        mark, reason = _compare()
    except StorageError:
        ids = {"credentials": [credential.pk for credential in credentials]}
        logger.warning("The storage cannot be read; nothing is bought for now.", exc_info=True, extra=ids)
        _slow_down(credentials)
        return False
    return bool(reason) and _pause(credentials, mark, reason)


def _compare() -> tuple[SpendingMark, str]:
    """Return the mark, and a sentence if database and storage do not agree, or ``""``. Raises ``StorageError``."""
    mark = SpendingMark.objects.current()
    for _ in range(_COMPARISONS):
        reason = _difference(mark)
        before, mark = mark, SpendingMark.objects.current()
        if (mark.uuid, mark.number, mark.confirmed) == (before.uuid, before.number, before.confirmed):
            return mark, reason
    return mark, ""


def _difference(mark: SpendingMark) -> str:
    """Return a sentence if the storage does not agree with this mark, or ``""``. Raises ``StorageError``."""
    if watermark.highest(mark.uuid) > mark.number or watermark.exists(mark.uuid, mark.number + 1):
        return WENT_BACK
    if mark.confirmed:
        return "" if watermark.exists(mark.uuid, mark.confirmed) else NOT_KNOWN
    if not note_spending():  # before the first purchase: from then on a storage without any mark is noticed
        raise StorageError(gettext("The first number could not be stored."))
    return ""


def _slow_down(credentials: QuerySet[ProviderCredential]) -> None:
    for credential in credentials:
        credential.slow_down(_AGAIN_SECONDS)


def _pause(credentials: QuerySet[ProviderCredential], mark: SpendingMark, reason: str) -> bool:
    """Pause the accounts and give the database another mark; return false if another worker has just done so."""
    with transaction.atomic():
        if not SpendingMark.objects.replace(mark):
            return False
        for credential in credentials:
            if credential.pause(gettext(reason), stops_reads=False):
                signals.send_on_commit(signals.credential_paused, credential=credential)
        # Also of those that are paused for a lesser reason.
        credentials.update(paused_reason=gettext(reason), awaits_key=False)
    logger.error(reason, extra={"credentials": [credential.pk for credential in credentials]})
    return True
