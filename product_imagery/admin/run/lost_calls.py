"""Lost calls: what was sent, and what the provider has that may have come of it, so that a person can tell."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_noop

from product_imagery.admin.base import page_url
from product_imagery.admin.permissions import SEE_MONEY, may, missing
from product_imagery.admin.small_copies import small_picture, source_url
from product_imagery.admin.visibility import visible
from product_imagery.exceptions import RequestError
from product_imagery.flows.enhancements import reconcile
from product_imagery.flows.previews import SIDE, copy_of_candidate
from product_imagery.models import EnhancementItem, ProviderJob

_NAMES = 3  #: pictures of a lost call that are shown
_MOST_CALLS = 12  #: lost calls whose pictures a page shows before a decision about many
NOT_WHOLE = gettext_noop("You may not see all products of this call: somebody who may see them has to decide.")


def decision(request: HttpRequest, site: AdminSite, job: ProviderJob) -> dict[str, Any]:
    """Return what a person needs to decide about a lost call: its pictures, candidates, the cost of another.

    Products that the shop hides from the person are not named; ``lacking`` says why the person cannot decide.
    """
    items: Any = job.items.all()
    seen = list(visible(request, site, items))
    candidates = _candidates(site, job)
    return {
        **_sent(request, site, job, seen),
        "lacking": missing(request, "decide_providerjob") or ("" if len(seen) == len(items) else gettext(NOT_WHOLE)),
        "candidates": candidates,
        "has_pictures": any(one["picture"] for one in candidates),
        "address": page_url(site, "providerjob_decide", job.pk),
        "cost": _cost_again(job) if may(request, SEE_MONEY) else "",
    }


def overview(request: HttpRequest, site: AdminSite, jobs: list[ProviderJob]) -> dict[str, Any]:
    """Return the pictures of the first lost calls, those with candidates before others, and the number of further ones.

    The person sees every product of these jobs.
    """
    first = sorted(jobs, key=lambda job: not job.candidates)[:_MOST_CALLS]
    calls = [
        {
            **_sent(request, site, job, list(job.items.all())),
            "candidates": _candidates(site, job) if job.candidates else [],
        }
        for job in first
    ]
    return {"calls": calls, "further": len(jobs) - len(first)}


def _sent(request: HttpRequest, site: AdminSite, job: ProviderJob, items: Sequence[EnhancementItem]) -> dict[str, Any]:
    """Return the job with the names and pictures of its first items, and the number of the others."""
    return {
        "job": job,
        "sent": [{"name": item.label, "picture": source_url(request, site, item, SIDE)} for item in items[:_NAMES]],
        "more": max(0, len(items) - _NAMES),
    }


def _candidates(site: AdminSite, job: ProviderJob) -> list[dict[str, Any]]:
    """Return the candidates with the addresses of their pictures, without those that another job has by now."""
    found = job.candidates
    known = ProviderJob.objects.known(job.provider, [one.remote_id for one in found])
    return [
        {"candidate": one, "picture": _picture_url(site, job, one.remote_id) if one.picture else ""}
        for one in found
        if one.remote_id not in known
    ]


def _picture_url(site: AdminSite, job: ProviderJob, remote_id: str) -> str:
    return f"{page_url(site, 'providerjob_candidate', job.pk)}?{urlencode({'id': remote_id})}"


def _cost_again(job: ProviderJob) -> str:
    with contextlib.suppress(RequestError):  # the provider offers the operation no longer
        if amount := reconcile.cost_again(job):
            return f"{amount:f} {gettext(job.credential.declared.currency)}"
    return ""


def candidate_picture(job: ProviderJob, remote_id: str) -> HttpResponse:
    """Return a small copy of what the provider made for a candidate, or a placeholder. Raises ``Http404``."""
    found = next((one for one in job.candidates if one.remote_id == remote_id and one.picture), None)
    if found is None:
        raise Http404(remote_id)
    return small_picture(partial(copy_of_candidate, job, found))
