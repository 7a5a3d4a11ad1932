"""Estimate: how long work will take within the limits of its provider."""

from __future__ import annotations

import math

from django.db.models import Avg, F

from product_imagery.conf import get_settings
from product_imagery.flows.enhancements.batching import batch_sizes
from product_imagery.models import EnhancementItem, ProviderCredential, ProviderJob
from product_imagery.provider_kit.contract import Counted, Offer
from product_imagery.states import OPEN_ITEMS, JobState

_REQUESTS = 3  #: to a hosted provider for one job, about: the create and two polls
_LATEST = 50  #: finished jobs whose mean duration is taken


def estimate_seconds(credential: ProviderCredential, operation: str, offer: Offer, pictures: int) -> float:
    """Return seconds of wall clock until the last of the pictures, with everything that waits for the account first.

    The larger of two figures: by the duration of the latest jobs (before there are any, the offer's) and the number of
    calls at once; and by each limit of the account. Example: 250 pictures of 20 s each, ten calls at once, 100 pictures
    an hour: 500 s by duration, two full hours and 20 s by the limit.
    """
    provider = credential.declared
    each = _mean_seconds(credential.provider, operation) or offer.seconds
    if not pictures:
        return 0.0
    pictures += EnhancementItem.objects.filter(job__credential=credential, status__in=OPEN_ITEMS).count()
    if provider.computes:
        return each * pictures / get_settings().pool_limits().processes
    sizes = batch_sizes(credential)
    jobs = math.ceil(pictures / (sum(sizes) / len(sizes)))
    at_once = min(credential.active_limit() or jobs, jobs, get_settings().connections)
    calls = {Counted.IMAGES: pictures, Counted.CREATES: jobs, Counted.READS: jobs, Counted.REQUESTS: jobs * _REQUESTS}
    limited = [(math.ceil(calls[limit.counted] / limit.most) - 1) * limit.seconds for limit in credential.limits()]
    return max([each * jobs / at_once, *(wait + each for wait in limited)])


def _mean_seconds(provider: str, operation: str) -> float | None:
    """Return the mean duration of the latest jobs of this kind; ``None`` before there are any."""
    done = ProviderJob.objects.filter(provider=provider, operation=operation, state=JobState.DONE)
    latest = done.order_by("-pk")[:_LATEST]
    mean = ProviderJob.objects.filter(pk__in=latest.values("pk")).aggregate(mean=Avg(F("finished_at") - F("sent_at")))
    return mean["mean"].total_seconds() if mean["mean"] else None
