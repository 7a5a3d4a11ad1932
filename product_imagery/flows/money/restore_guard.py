"""Restored: a database that was restored from a backup, or copied, buys nothing again on its own.

What was sent since the backup is queued there as if it had not been. So a number is raised in the database after
something was sent, and left in the storage: each of the two has to know what the other one knows.

    database   number 7, confirmed 7    7         4           7              7
    storage    holds 7                  8         7           nothing        cannot be asked
               they agree               went back went back   copied, moved  nothing is sent for now

Where both were copied together, nobody can tell.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import QuerySet

from product_imagery import signals
from product_imagery.exceptions import StorageError
from product_imagery.models import ProviderCredential, SpendingMark
from product_imagery.provider_kit.registry import hosted_providers
from product_imagery.storage import watermark

logger = logging.getLogger("product_imagery")

WENT_BACK = (
    "The database is older than what was bought with it: restored or copied. "
    "See “imagery_remote … unknown”, cancel what was bought already, then resume."
)
NOT_KNOWN = (
    "The storage of results does not know this database: a copy, or STORAGE, FOLDER or the bucket changed. "
    "On a copy leave it paused; otherwise see “imagery_remote … unknown”, then resume."
)
_LOOKS = 3  #: another worker may raise the number between two questions
_AGAIN_SECONDS = 120.0  #: for which nothing is sent when the storage cannot be asked


def note_spending() -> bool:
    """Remember, here and in the storage, that something was sent; false when the storage failed: call it again."""
    before = SpendingMark.objects.current().confirmed
    mark = SpendingMark.objects.increment()
    try:
        watermark.write(mark.uuid, mark.number)
    except StorageError:
        logger.warning("What was sent could not be noted in the storage.", exc_info=True)
        return False
    SpendingMark.objects.confirm(mark)  # the lower one goes afterwards: one of the two is always there
    watermark.drop_lower(mark.uuid, mark.number, known=before)
    return True


def pause_if_restored() -> bool:
    """Pause all accounts that cost money unless database and storage know of the same purchases; true if it did.

    While the storage cannot be asked, nothing is sent.
    """
    accounts = ProviderCredential.objects.filter(provider__in=hosted_providers())
    if not accounts.exists():
        return False
    try:
        mark, reason = _compare()
    except StorageError:
        logger.warning("The storage cannot be asked what was bought; nothing is sent for now.", exc_info=True)
        _rest(accounts)
        return False
    return bool(reason) and _pause(accounts, mark, reason)


def _compare() -> tuple[SpendingMark, str]:
    """The mark, and why storage and database cannot belong together; empty when they do. Raises ``StorageError``."""
    mark = SpendingMark.objects.current()
    for _ in range(_LOOKS):
        reason = _between(mark)
        before, mark = mark, SpendingMark.objects.current()
        if (mark.uuid, mark.number, mark.confirmed) == (before.uuid, before.number, before.confirmed):
            return mark, reason
    return mark, ""


def _between(mark: SpendingMark) -> str:
    if watermark.highest(mark.uuid) > mark.number or watermark.exists(mark.uuid, mark.number + 1):
        return WENT_BACK
    if mark.confirmed:
        return "" if watermark.exists(mark.uuid, mark.confirmed) else NOT_KNOWN
    if not note_spending():  # before the first purchase: from then on there is always a mark to be missed
        raise StorageError("The first number could not be stored.")
    return ""


def _rest(accounts: QuerySet[ProviderCredential]) -> None:
    for credential in accounts:
        credential.slow_down(_AGAIN_SECONDS)


def _pause(accounts: QuerySet[ProviderCredential], mark: SpendingMark, reason: str) -> bool:
    with transaction.atomic():
        if not SpendingMark.objects.replace(mark):
            return False
        for credential in accounts:
            if credential.pause(reason, stops_reads=False):
                signals.send_on_commit(signals.credential_paused, credential=credential)
        accounts.update(paused_reason=reason, awaits_key=False)  # also of those that paused for something less
    logger.error(reason)
    return True
