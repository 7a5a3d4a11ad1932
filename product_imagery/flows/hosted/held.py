"""Results whose jobs are still leased by this worker, and the rows of these jobs.

Several jobs are locked at once, and then updated by their keys. A single one needs no lock: its update names the lease.
"""

from __future__ import annotations

from collections.abc import Sequence

from product_imagery.flows.hosted.values import CallResult
from product_imagery.models import ProviderJob
from product_imagery.models.job import JobQuerySet


def held_results(results: list[CallResult]) -> list[CallResult]:
    """Return results whose leases are held, their jobs locked. The update of a single result checks that by itself."""
    if len(results) == 1:
        return results
    held = ProviderJob.objects.is_held([result.job for result in results])
    return [result for result in results if result.job.pk in held]


def jobs_of(results: Sequence[CallResult]) -> JobQuerySet:
    """Filter the jobs of some of ``held_results``, in the same transaction."""
    if len(results) == 1:
        return ProviderJob.objects.held(results[0].job)
    return ProviderJob.objects.filter(pk__in=[result.job.pk for result in results])
