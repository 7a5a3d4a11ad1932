"""Jobs: create calls at providers, and runs of the local engine."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connections, models, transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from product_imagery.models import transitions
from product_imagery.models.case_by_pk import CaseByPk
from product_imagery.models.constraints import finished_when, not_negative
from product_imagery.models.credential import ProviderCredential
from product_imagery.models.enhancement import Enhancement
from product_imagery.models.leases import Lease, LeaseQuerySet
from product_imagery.models.preset import operation_choices
from product_imagery.provider_kit.outcomes import Candidate
from product_imagery.provider_kit.registry import provider_choices
from product_imagery.states import ENDED_JOBS, UNFINISHED_JOBS, JobState

# Keys of ``ProviderJob.remembered`` in the search for a lost create.
ABSENT = "absent_once"  #: set after one search has shown that the create was not accepted
LOOKS = "looks"  #: number of searches without a result that count towards their limit
LISTED = "listed"  #: number of entries in the provider's list at the first of these searches
CANDIDATES = "candidates"  #: jobs at the provider, one of which may be the lost one, as text

_MOST_ADDRESS = 4096  #: characters

#: true after a lease has expired: its worker may have left files behind
_TAKEN_OVER = Case(When(leased_until__isnull=False, then=True), default=F("taken_over"))


class JobQuerySet(LeaseQuerySet["ProviderJob"]):
    """Jobs by state and due time, and the leases on them."""

    def due(self) -> JobQuerySet:
        """Filter queued jobs of usable credentials that are due, in the order of their due time."""
        return self.filter(
            state=JobState.QUEUED,
            due_at__lte=Now(),
            credential__is_active=True,
            credential__paused_at=None,
            enhancement__cancelled_at=None,
        ).order_by("due_at", "pk")

    def movable(self) -> JobQuerySet:
        """Filter unfinished jobs that a worker can continue: not those that wait for a person."""
        buys = Q(credential__is_active=True, credential__paused_at=None)
        asks = Q(credential__stops_reads=False, state__in=(JobState.CHECKING, JobState.RUNNING))
        return self.filter(buys | asks, state__in=UNFINISHED_JOBS)

    def acquire_due(self, providers: Collection[str], most: int, seconds: float) -> list[ProviderJob]:
        """Lease up to ``most`` due jobs for ``seconds``. They become ``sending`` under one new token."""
        due = self.due().filter(provider__in=providers)
        if not due.exists():  # an idle worker takes no write lock
            return []
        with transaction.atomic(using=self.db):
            if connections[self.db].features.has_select_for_update_skip_locked:
                due = due.select_for_update(skip_locked=True, of=("self",))
            chosen = list(due.values_list("pk", flat=True)[:most])
            token = transitions.mark_sending(self.filter(pk__in=chosen), seconds, taken_over=_TAKEN_OVER)
        leased = self.filter(lease_token=token) if token else self.none()
        return list(leased.select_related("enhancement", "credential").prefetch_related("items"))

    def due_calls(self) -> JobQuerySet:
        """Filter free jobs for which a call of their provider is due, with items and enhancement, by due time.

        Their rows are locked until the transaction ends, so they do not change before they are leased.
        """
        waiting = self.free().filter(state__in=(JobState.QUEUED, JobState.CHECKING, JobState.RUNNING))
        due = waiting.filter(due_at__lte=Now()).order_by("due_at", "pk")
        return due.select_for_update().prefetch_related("items", "enhancement")

    def acquire_calls(self, jobs: Collection[ProviderJob], seconds: float) -> list[ProviderJob]:
        """Lease these jobs of ``due_calls`` for ``seconds``; return those that no other worker leased first."""
        creates = [job.pk for job in jobs if job.state == JobState.QUEUED]
        reads = [job.pk for job in jobs if job.state != JobState.QUEUED]
        tokens = set()
        if creates:  # an earlier create was not accepted, so its intent is void
            due = self.filter(pk__in=creates)
            tokens.add(transitions.mark_sending(due, seconds, taken_over=_TAKEN_OVER, intent_at=None))
        if reads:
            due = self.filter(pk__in=reads, state__in=(JobState.CHECKING, JobState.RUNNING))
            tokens.add(due.acquire(seconds, attempts=F("attempts") + 1, taken_over=_TAKEN_OVER))
        leases = dict(self.filter(lease_token__in=tokens - {None}).values_list("pk", "lease_token"))
        for job in jobs:
            job.lease_token, job.attempts = leases.get(job.pk), job.attempts + 1
            if job.state == JobState.QUEUED:
                job.state, job.intent_at = JobState.SENDING, None
        return [job for job in jobs if job.lease_token]

    def known(self, provider: str, remote_ids: Collection[str]) -> set[str]:
        """Return those of these ids at a provider that belong to a job of any credential."""
        found = self.filter(provider=provider, remote_id__in=remote_ids) if remote_ids else self.none()
        return set(found.values_list("remote_id", flat=True))

    def unknown(self, provider: str, remote_id: str) -> str:
        """Return ``remote_id`` if no job has it; otherwise an empty string."""
        return "" if self.known(provider, [remote_id] if remote_id else []) else remote_id

    def write_each(self, jobs: Collection[ProviderJob], *names: str, **alike: Any) -> int:
        """Save the fields ``names`` of each of these jobs, and the same values ``alike`` on all; return the number."""
        each = {name: CaseByPk(ProviderJob, name, {job.pk: getattr(job, name) for job in jobs}) for name in names}
        return self.filter(pk__in=[job.pk for job in jobs]).update(**each, **alike) if jobs else 0

    def abandoned(self) -> JobQuerySet:
        """Filter jobs that were being sent when the lease of their worker expired."""
        return self.filter(state=JobState.SENDING).expired()


class ProviderJob(Lease):
    """One create call for one or more items, or one run of the local engine.

    - ``intent``: exact body of the create, committed before it is sent at ``intent_at``.
    - ``remembered``: facts about the create by name, such as those of its finished steps.
    - ``collectable``: true if the result exists at the provider and only has to be fetched.
    - ``taken_over``: true if a worker lost its lease on the job; it may have left files behind.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enhancement = models.ForeignKey(Enhancement, models.CASCADE, verbose_name=_("enhancement"), related_name="jobs")
    credential = models.ForeignKey(
        ProviderCredential, models.PROTECT, verbose_name=_("credential"), related_name="jobs"
    )
    provider = models.CharField(_("provider"), max_length=40, choices=provider_choices)
    operation = models.CharField(_("operation"), max_length=30, choices=operation_choices)
    options = models.JSONField(_("options"), default=dict)
    state = models.CharField(_("state"), max_length=12, choices=JobState, default=JobState.QUEUED)
    due_at = models.DateTimeField(_("due"), db_default=Now())
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    taken_over = models.BooleanField(default=False, editable=False)
    remote_id = models.CharField(_("id at the provider"), max_length=120, blank=True)
    remote_status = models.CharField(_("status at the provider"), max_length=60, blank=True)
    intent = models.BinaryField(null=True, editable=False)
    intent_at = models.DateTimeField(_("request written down"), null=True, blank=True, editable=False)
    remembered = models.JSONField(default=dict, editable=False)
    consecutive_failures = models.PositiveIntegerField(_("failed calls in a row"), default=0)
    note = models.CharField(_("note"), max_length=500, blank=True)
    collectable = models.BooleanField(_("the provider has the result"), default=False)
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    cost = models.DecimalField(_("cost"), max_digits=12, decimal_places=2, null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("decided by"), null=True, related_name="+"
    )
    decision = models.CharField(_("decision"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    sent_at = models.DateTimeField(_("last sent"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    uses: tuple[int, ...] = ()  #: keys of what the call it is leased for has taken of its account's limits

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("provider job")
        verbose_name_plural = _("provider jobs")
        permissions = (("decide_providerjob", "Can decide what became of a lost request (may spend money again)"),)
        ordering = ("pk",)
        indexes = (
            models.Index(fields=["due_at"], condition=Q(state__in=UNFINISHED_JOBS), name="imagery_job_due"),
            models.Index(fields=["enhancement", "state"]),
        )
        constraints = (
            *Lease.Meta.constraints,
            *not_negative("job", "cost"),
            finished_when("job", Q(state__in=ENDED_JOBS)),
            models.CheckConstraint(
                condition=Q(remote_id="") | ~Q(state__in=(JobState.QUEUED, JobState.SENDING)),
                name="imagery_job_unsent_has_no_id",
            ),
            models.UniqueConstraint(
                fields=["credential", "remote_id"], condition=~Q(remote_id=""), name="imagery_job_remote_id"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_provider_display()}, {self.get_operation_display()}, {self.pk}"

    @property
    def candidates(self) -> list[Candidate]:
        """Jobs at the provider, one of which may be the lost one."""
        return [_candidate_in(line) for line in self.remembered.get(CANDIDATES, "").split("\n") if line]

    @property
    def likely_id(self) -> str:
        """Id that a person is offered for a decision; empty if there is none, or more than one."""
        return self.remote_id or (self.candidates[0].remote_id if len(self.candidates) == 1 else "")

    @property
    def before_call(self) -> JobState:
        """State to return to, so that the current call is made again."""
        return JobState.QUEUED if self.state == JobState.SENDING else JobState(self.state)


def candidates_as_text(candidates: Iterable[Candidate]) -> str:
    """Return candidates as they are remembered: one a line, with id, address of the picture and time between tabs."""
    return "\n".join(map(_line_of, candidates))


def _line_of(candidate: Candidate) -> str:
    picture, made_at = candidate.picture, candidate.made_at
    is_address = len(picture) <= _MOST_ADDRESS and picture.isascii() and picture.isprintable()
    fields = (" ".join(candidate.remote_id.split()), picture * is_address, made_at.isoformat() if made_at else "")
    return "\t".join(fields)


def _candidate_in(line: str) -> Candidate:
    remote_id, picture, made_at = (*line.split("\t"), "", "")[:3]
    return Candidate(remote_id, picture, datetime.fromisoformat(made_at) if made_at else None)
