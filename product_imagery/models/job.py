"""One create call at a provider, and who may work on it now."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import connections, models, transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from product_imagery.models.by_key import ByKey
from product_imagery.models.clock import from_now, unclaimed
from product_imagery.models.credential import ProviderCredential
from product_imagery.models.enhancement import Enhancement
from product_imagery.models.preset import operation_choices
from product_imagery.provider_kit.registry import provider_choices
from product_imagery.states import HELD_JOBS, UNFINISHED_JOBS, JobState

ABSENT = "absent_once"  #: is remembered when a look has shown that a lost create was not accepted
LOOKS = "looks"  #: under this name how much of our patience was used up by looks that have shown nothing
LISTED = "listed"  #: under this name the number of entries that the list had at the first of these looks
CANDIDATES = "candidates"  #: under this name ids, one a line, of what a lost create may have become

#: the columns of a job on which there is no claim
_UNCLAIMED: dict[str, Any] = {"token": None, "claimed_until": None}
#: a claim that ran out belonged to a worker that may have left files behind
_TAKEN_OVER = Case(When(claimed_until__isnull=False, then=True), default=F("taken_over"))


class JobQuerySet(models.QuerySet["ProviderJob"]):
    """Claims. Each is one conditional update, right without ``skip_locked``, which SQLite ignores."""

    def due(self) -> JobQuerySet:
        """Queued jobs of usable credentials whose time has come, oldest first."""
        return self.filter(
            state=JobState.QUEUED,
            due_at__lte=Now(),
            credential__is_active=True,
            credential__paused_at=None,
            enhancement__cancelled_at=None,
        ).order_by("due_at", "pk")

    def movable(self) -> JobQuerySet:
        """Unfinished jobs that a worker will move sooner or later: not those that wait for a person's word."""
        buys = Q(credential__is_active=True, credential__paused_at=None)
        asks = Q(credential__stops_reads=False, state__in=(JobState.CHECKING, JobState.RUNNING))
        return self.filter(buys | asks, state__in=UNFINISHED_JOBS)

    def claim(self, *, providers: Collection[str], most: int, seconds: float) -> list[ProviderJob]:
        """Take up to ``most`` due jobs for ``seconds``: they become ``sending`` under one new token."""
        due = self.due().filter(provider__in=providers)
        if not due.exists():  # an idle pump takes no write lock
            return []
        token = uuid.uuid4()
        with transaction.atomic(using=self.db):
            if connections[self.db].features.has_select_for_update_skip_locked:
                due = due.select_for_update(skip_locked=True, of=("self",))
            chosen = list(due.values_list("pk", flat=True)[:most])
            self.filter(pk__in=chosen, state=JobState.QUEUED).update(
                state=JobState.SENDING,
                token=token,
                claimed_until=from_now(seconds),
                claims=F("claims") + 1,
                taken_over=_TAKEN_OVER,
                sent_at=Now(),
            )
        return list(self.filter(token=token).select_related("enhancement", "credential").prefetch_related("items"))

    def due_calls(self) -> JobQuerySet:
        """Jobs that wait for a call of their provider now and that no worker holds, the oldest first, complete.

        Their rows are locked until the transaction ends, so that what is read of them stays true until it is claimed.
        """
        waiting = self._unclaimed().filter(state__in=(JobState.QUEUED, JobState.CHECKING, JobState.RUNNING))
        due = waiting.filter(due_at__lte=Now()).order_by("due_at", "pk")
        return due.select_for_update().prefetch_related("items", "enhancement")

    def take(self, jobs: Collection[ProviderJob], seconds: float) -> list[ProviderJob]:
        """Claim these jobs of ``due_calls`` for ``seconds``; return those that nobody else took first."""
        if not jobs:
            return []
        token = uuid.uuid4()
        claim = {
            "token": token,
            "claimed_until": from_now(seconds),
            "claims": F("claims") + 1,
            "taken_over": _TAKEN_OVER,
        }
        free = self._unclaimed().filter(pk__in=[job.pk for job in jobs])
        # What is queued is known not to have been accepted: an earlier intent says nothing about this sending.
        begun = {"state": JobState.SENDING, "sent_at": Now(), "intent_at": None}
        number = free.filter(state=JobState.QUEUED).update(**begun, **claim)
        number += free.filter(state__in=(JobState.CHECKING, JobState.RUNNING)).update(**claim)
        for job in jobs:
            job.token, job.claims = token, job.claims + 1
            if job.state == JobState.QUEUED:
                job.state, job.intent_at = JobState.SENDING, None
        if number == len(jobs):
            return list(jobs)
        ours = set(self.filter(token=token).values_list("pk", flat=True))
        return [job for job in jobs if job.pk in ours]

    def renew(self, jobs: Collection[ProviderJob], seconds: float) -> set[int]:
        """Move the deadline of jobs that are still being worked on; return the keys of those that are still ours."""
        if not jobs:
            return set()
        ours = {"pk__in": [job.pk for job in jobs], "token__in": {job.token for job in jobs}}
        held = self.filter(state__in=HELD_JOBS, **ours)
        held.update(claimed_until=from_now(seconds))
        return set(held.values_list("pk", flat=True))

    def known(self, provider: str, remote_ids: Collection[str]) -> set[str]:
        """Those of these ids at a provider that jobs here have, of whatever account."""
        found = self.filter(provider=provider, remote_id__in=remote_ids) if remote_ids else self.none()
        return set(found.values_list("remote_id", flat=True))

    def unknown(self, provider: str, remote_id: str) -> str:
        """The id, unless a job here has it; then nothing."""
        return "" if self.known(provider, [remote_id] if remote_id else []) else remote_id

    def held(self, job: ProviderJob) -> JobQuerySet:
        """The job, if its claim is still ours: what every write-back is conditional on."""
        return self.filter(pk=job.pk, token=job.token, state__in=HELD_JOBS)

    def hold(self, jobs: Collection[ProviderJob]) -> set[int]:
        """Keys of those of ``jobs`` whose claims are still ours. Their rows stay locked until the transaction ends."""
        rows = self.filter(pk__in=[job.pk for job in jobs], state__in=HELD_JOBS).select_for_update().order_by("pk")
        tokens = dict(rows.values_list("pk", "token"))
        return {job.pk for job in jobs if tokens.get(job.pk, "") == job.token}

    def write_each(self, jobs: Collection[ProviderJob], *names: str, **alike: Any) -> int:
        """Save these fields of these jobs, each its own, and what is ``alike`` for all of them."""
        each = {name: ByKey(ProviderJob, name, {job.pk: getattr(job, name) for job in jobs}) for name in names}
        return self.filter(pk__in=[job.pk for job in jobs]).update(**each, **alike) if jobs else 0

    def let_go(self, state: JobState, **changes: Any) -> int:
        """Bring jobs to ``state`` and end the claims on them."""
        return self.update(state=state, **{**_UNCLAIMED, **changes})

    def abandoned(self) -> JobQuerySet:
        """Jobs whose worker has not been heard of for longer than its claim."""
        return self.filter(state=JobState.SENDING, claimed_until__lt=Now())

    def _unclaimed(self) -> JobQuerySet:
        return self.filter(unclaimed())


class ProviderJob(models.Model):
    """One create call carrying 1…n items. ``token`` is the claim: whoever holds another one may not write.

    ``intent`` is the exact body of the create, written down before it is sent; ``remembered`` what a create of several
    steps has got so far; ``collectable`` says that the result exists at the provider and only has to be fetched.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enhancement = models.ForeignKey(Enhancement, models.CASCADE, related_name="jobs")
    credential = models.ForeignKey(ProviderCredential, models.PROTECT, related_name="jobs")
    provider = models.CharField(_("provider"), max_length=40, choices=provider_choices)
    operation = models.CharField(_("operation"), max_length=30, choices=operation_choices)
    options = models.JSONField(_("options"), default=dict)
    state = models.CharField(_("state"), max_length=12, choices=JobState, default=JobState.QUEUED)
    due_at = models.DateTimeField(_("due"), db_default=Now())
    token = models.UUIDField(null=True, editable=False, db_index=True)
    claimed_until = models.DateTimeField(null=True, editable=False)
    claims = models.PositiveIntegerField(_("times taken"), default=0)
    taken_over = models.BooleanField(default=False, editable=False)
    remote_id = models.CharField(_("id at the provider"), max_length=120, blank=True)
    remote_status = models.CharField(_("status at the provider"), max_length=60, blank=True)
    intent = models.BinaryField(null=True, editable=False)
    intent_at = models.DateTimeField(_("request written down"), null=True, blank=True, editable=False)
    remembered = models.JSONField(default=dict, editable=False)
    troubles = models.PositiveIntegerField(_("failed calls in a row"), default=0)
    note = models.CharField(_("note"), max_length=500, blank=True)
    collectable = models.BooleanField(_("the provider has the result"), default=False)
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    cost = models.DecimalField(_("cost"), max_digits=12, decimal_places=2, null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("decided by"), null=True, related_name="+"
    )
    decision = models.CharField(_("decision"), max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(_("last sent"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    uses: tuple[int, ...] = ()  #: keys of what the call it is claimed for has taken of its account's limits

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("provider job")
        verbose_name_plural = _("provider jobs")
        permissions = (("decide_providerjob", _("Can decide what became of a lost request (may spend money again)")),)
        ordering = ("pk",)
        indexes = (
            models.Index(fields=["due_at"], condition=Q(state__in=UNFINISHED_JOBS), name="imagery_job_due"),
            models.Index(fields=["enhancement", "state"]),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["credential", "remote_id"], condition=~Q(remote_id=""), name="imagery_job_remote_id"
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider} {self.operation} {self.pk}"

    @property
    def candidates(self) -> list[str]:
        """Ids at the provider of what a lost create may have become."""
        return [one for one in self.remembered.get(CANDIDATES, "").split("\n") if one]

    @property
    def likely_id(self) -> str:
        """The id that a person is offered for a decision; empty where there is none, or more than one."""
        return self.remote_id or (self.candidates[0] if len(self.candidates) == 1 else "")

    @property
    def before_call(self) -> JobState:
        """The state from which the step that a claim is for is made again."""
        return JobState.QUEUED if self.state == JobState.SENDING else JobState(self.state)
