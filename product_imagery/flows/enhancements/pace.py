"""Pace: how work is packed into creates, and how long it will take within the provider's limits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Avg, F

from product_imagery.conf import get_settings
from product_imagery.models import EnhancementItem, ProviderCredential, ProviderJob
from product_imagery.provider_kit.contract import Counted, Offer
from product_imagery.states import OPEN_ITEMS, JobState

_CALLS = 3  #: of a hosted provider for one job, about: the create and two looks

T = TypeVar("T")


def batch_sizes(credential: ProviderCredential) -> list[int]:
    """How many pictures go into one create after the other, so that creates are few and hourly limits are used up."""
    provider = credential.declared
    hourly = min((limit.most for limit in credential.limits() if limit.counted is Counted.IMAGES), default=0)
    if provider.batch == 1 or hourly <= provider.batch:
        return [min(provider.batch, hourly or provider.batch)]
    parts = -(-hourly // provider.batch)
    return [hourly // parts + (part < hourly % parts) for part in range(parts)]


def packets(things: list[T], credential: ProviderCredential) -> Iterator[list[T]]:
    """Split the pictures of an enhancement into creates."""
    begin = 0
    for size in itertools.cycle(batch_sizes(credential)):
        if begin >= len(things):
            return
        yield things[begin : begin + size]
        begin += size


def forecast_seconds(credential: ProviderCredential, operation: str, offer: Offer, pictures: int) -> float:
    """Wall clock until the last picture, by the provider's limits and the pace of the latest jobs.

    What waits for the account already goes first.
    """
    provider = credential.declared
    each = _seconds_each(credential.provider, operation) or offer.seconds
    if not pictures:
        return 0.0
    pictures += EnhancementItem.objects.filter(job__credential=credential, status__in=OPEN_ITEMS).count()
    if provider.computes:
        return each * pictures / get_settings().pool_limits().processes
    sizes = batch_sizes(credential)
    jobs = math.ceil(pictures / (sum(sizes) / len(sizes)))
    lanes = min(credential.active_limit() or jobs, jobs, get_settings().connections)
    calls = {Counted.IMAGES: pictures, Counted.CREATES: jobs, Counted.READS: jobs, Counted.REQUESTS: jobs * _CALLS}
    limited = [(math.ceil(calls[limit.counted] / limit.most) - 1) * limit.seconds for limit in credential.limits()]
    return max([each * jobs / lanes, *(wait + each for wait in limited)])


def _seconds_each(provider: str, operation: str) -> float | None:
    """Mean of the latest fifty jobs of this kind; nothing before there are any."""
    latest = ProviderJob.objects.filter(provider=provider, operation=operation, state=JobState.DONE).order_by("-pk")[
        :50
    ]
    mean = ProviderJob.objects.filter(pk__in=latest.values("pk")).aggregate(mean=Avg(F("finished_at") - F("sent_at")))
    return mean["mean"].total_seconds() if mean["mean"] else None
