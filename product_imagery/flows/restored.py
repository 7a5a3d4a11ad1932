"""Restored: a database that was restored from a backup, or copied, is noticed before it buys anything again.

What was sent since the backup is queued there as if it had not been. The storage remembers: after something was sent,
a number is raised in the database and then left in the storage, so that only a database that went back is behind it.
Where both went back together, nobody can tell.
"""

from __future__ import annotations

import logging

from django.db import transaction

from product_imagery import files, signals
from product_imagery.exceptions import StorageError
from product_imagery.models import ProviderCredential, SpendingMark
from product_imagery.provider_kit.registry import hosted_providers

logger = logging.getLogger("product_imagery")

REASON = (
    "The database is older than what was bought with it: restored or copied. "
    "See “imagery_remote … unknown”, cancel what was bought already, then resume."
)


def note_spending() -> None:
    """Remember, here and in the storage, that something was sent. A storage that fails costs the precaution only."""
    mark = SpendingMark.objects.higher()
    try:
        files.leave_mark(mark.uuid, mark.number)
    except StorageError:
        logger.warning("What was sent could not be noted in the storage.", exc_info=True)


def pause_if_restored() -> bool:
    """Pause all accounts that cost money when the storage knows of more than the database; true if it did."""
    accounts = ProviderCredential.objects.filter(provider__in=hosted_providers())
    if not accounts.exists():
        return False
    mark = SpendingMark.objects.current()
    if files.highest_mark(mark.uuid) <= mark.number:
        return False
    with transaction.atomic():
        if not SpendingMark.objects.begin_anew(mark):
            return False
        for credential in accounts:
            if credential.pause(REASON, stops_reads=False):
                signals.send_on_commit(signals.credential_paused, credential=credential)
        accounts.update(paused_reason=REASON, awaits_key=False)  # also of those that paused for something less
    logger.error(REASON)
    return True
