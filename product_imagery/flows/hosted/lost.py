"""Rules for lost creates: those of which nobody knows whether the provider has accepted them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from django.utils.translation import gettext

from product_imagery.exceptions import ImageryError, ProviderError
from product_imagery.flows.hosted.values import CallResult
from product_imagery.models import ProviderJob
from product_imagery.models.db_time import from_now
from product_imagery.models.job import ABSENT, CANDIDATES, LISTED, LOOKS, candidates_as_text
from product_imagery.provider_kit.outcomes import Candidate, Undecidable
from product_imagery.provider_kit.retry import Verdict, may_retry
from product_imagery.states import JobState

_OTHERS = 2  #: expected entries that prove a list whole; one may be all that a cut list ever shows
LAG_SECONDS = 30.0  #: seconds after which an accepted job is in its provider's list
_EARLIER = timedelta(days=1)
_PATIENCE = 30  #: weight of looks that prove nothing, after which a person is asked
_IDLE = 6  #: weight of a look while no other job of the account is being sent
_WITH_CANDIDATES = 15  #: half of it: at the first look the response to another create may be under way
_SHOWN = 5  #: candidates that are shown
_LONGEST_PAUSE = 1800.0


def is_create_known(result: CallResult) -> bool:
    """Say whether the call sent a create whose outcome is known."""
    error = result.error
    return result.call.ticket.sent and not (isinstance(error, ProviderError) and _is_in_doubt(error))


def _is_in_doubt(error: ProviderError) -> bool:
    verdict = may_retry(error)
    return verdict is Verdict.UNKNOWN or (verdict is Verdict.PAUSE and not error.own)


def pause_after(job: ProviderJob, error: ImageryError) -> float:
    """Return for how many seconds the account sends no create, as the next one may be lost as well.

    One lost connection is an accident: 0 s. A server error (5xx), or a second loss in a row, is an outage: the pause
    begins at ``lost_pause`` and doubles up to half an hour.
    """
    pause, before = job.credential.declared.lost_pause, job.credential.lost_creates
    reported = isinstance(error, ProviderError) and (error.status or 0) >= 500
    return min(_LONGEST_PAUSE, pause * 2.0 ** min(before, 10)) if reported or before else 0.0


def is_whole(job: ProviderJob, listed: Collection[str] | None) -> bool:
    """Say whether a list of the provider's jobs would show this one, so that its absence proves something.

    It has to show all our other jobs that were accepted after the create, and the last two before it: a list that lags
    behind or is cut off does not. A single expected entry is enough only where the list had fewer at an earlier look.
    """
    if listed is None or job.intent_at is None:
        return False
    others = ProviderJob.objects.filter(credential=job.credential_id, accepted_at__lt=from_now(-LAG_SECONDS))
    others = others.exclude(remote_id="").exclude(pk=job.pk)
    since = others.filter(accepted_at__gte=job.intent_at).values_list("remote_id", flat=True)
    before = others.filter(accepted_at__lt=job.intent_at, accepted_at__gte=job.intent_at - _EARLIER)
    latest = before.order_by("-accepted_at").values_list("remote_id", flat=True)[:_OTHERS]
    expected = {*since, *latest}
    has_grown = len(listed) > int(job.remembered.get(LISTED, len(listed)))
    return len(expected) >= (1 if has_grown else _OTHERS) and expected <= set(listed)


def unknown_candidates(job: ProviderJob, outcome: Undecidable) -> list[Candidate]:
    """Return the candidates for a lost create that belong to no job of ours."""
    known = ProviderJob.objects.known(job.provider, [one.remote_id for one in outcome.candidates])
    return [one for one in outcome.candidates if one.remote_id not in known]


def worth_another_look(job: ProviderJob, outcome: Undecidable, unknown: Collection[Candidate]) -> dict[str, str]:
    """Return the facts to remember until the next look at the list; empty where a person has to be asked."""
    looks = int(job.remembered.get(LOOKS, 0)) + _weight(job, unknown)
    if outcome.listed is None or looks >= _PATIENCE:
        return {}
    return {LISTED: str(len(outcome.listed)), **job.remembered, LOOKS: str(looks)}


def _weight(job: ProviderJob, unknown: Collection[Candidate]) -> int:
    """Return the weight of a look that proved nothing: small while other jobs may still appear in the list."""
    if unknown:
        return _WITH_CANDIDATES
    others = ProviderJob.objects.filter(credential=job.credential_id).exclude(pk=job.pk)
    coming = others.filter(state__in=(JobState.QUEUED, JobState.SENDING))
    again = others.filter(state=JobState.CHECKING, remembered__has_key=ABSENT)
    return 1 if coming.exists() or again.exists() else _IDLE


def without_looks(job: ProviderJob) -> dict[str, str]:
    """Return the remembered facts of a job without those about looks for it."""
    return {name: fact for name, fact in job.remembered.items() if name not in (ABSENT, LOOKS, LISTED)}


def with_candidates(job: ProviderJob, unknown: Sequence[Candidate]) -> dict[str, str]:
    """Return the facts to remember when a person is asked: the candidates instead of the looks."""
    return {**without_looks(job), CANDIDATES: candidates_as_text(unknown[:_SHOWN])}


def question(job: ProviderJob, outcome: Undecidable, unknown: Sequence[Candidate]) -> str:
    """Return the sentences for the person who has to decide."""
    names = ", ".join(one.remote_id for one in unknown[:_SHOWN]) + (", …" if len(unknown) > _SHOWN else "")
    found = gettext("The provider's list shows what may be it: %(names)s. Look at it there, then decide.")
    why = found % {"names": names} if unknown and outcome.listed is not None else outcome.why
    facts = {"note": job.note or gettext("The connection was lost after the request was sent."), "why": why}
    return gettext("%(note)s It may have been accepted. %(why)s") % facts
