"""Counting of calls against the limits of their credential, under its lock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.translation import gettext

from product_imagery.exceptions import RateLimited
from product_imagery.models import LimitUse, ProviderCredential, ProviderJob
from product_imagery.provider_kit.contract import Counted, Limit
from product_imagery.provider_kit.requests import HttpRequest


def count(credential_id: int, request: HttpRequest) -> None:
    """Count one call against the account's limits, now. Raises ``RateLimited`` where there is no room."""
    with transaction.atomic():
        ProviderCredential.objects.lock(credential_id)
        credential = ProviderCredential.objects.get(pk=credential_id)
        limits = credential.limits()
        amounts = {Counted.REQUESTS: 1, Counted.READS: 0 if request.creates else 1}
        room = LimitUse.objects.room(credential, limits)
        _require(credential, limits, room, amounts)
        LimitUse.objects.note(credential, limits, amounts)


def count_again(job: ProviderJob) -> None:
    """Replace the count of a call that waited for long, since its place may be taken. Raises ``RateLimited``."""
    with transaction.atomic():
        ProviderCredential.objects.lock(job.credential_id)
        credential = ProviderCredential.objects.get(pk=job.credential_id)
        limits = credential.limits()
        uses = LimitUse.objects.filter(pk__in=job.uses)
        amounts = {Counted(use.counted): use.amount for use in uses}
        uses.delete()
        room = LimitUse.objects.room(credential, limits)
        _require(credential, limits, room, amounts)
        job.uses = ()
        LimitUse.objects.note_each(credential, limits, [(job, amounts)])


def shortest_window(credential: ProviderCredential) -> float:
    """Return the seconds of the shortest window of the account's limits; infinity without limits."""
    return min((limit.seconds for limit in credential.limits()), default=math.inf)


def _require(
    credential: ProviderCredential, limits: Iterable[Limit], room: Mapping[Counted, int], amounts: Mapping[Counted, int]
) -> None:
    for counted, amount in amounts.items():
        if room.get(counted, amount) < amount:
            limited = RateLimited(gettext("The provider's limit is reached for now."), code="own_limit")
            limited.retry_after = LimitUse.objects.wait(credential, limits, counted)
            raise limited
