"""States of enhancements, items, jobs and results."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class EnhancementStatus(models.TextChoices):
    """Status of an enhancement, computed from its items."""

    QUEUED = "queued", _("queued")
    PROCESSING = "processing", _("processing")
    COMPLETED = "completed", _("completed")
    PARTIALLY_COMPLETED = "partially_completed", _("partially completed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class ItemStatus(models.TextChoices):
    """Status of an item. ``stalled``: the provider may or may not have accepted it; a person decides."""

    QUEUED = "queued", _("queued")
    PROCESSING = "processing", _("processing")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    STALLED = "stalled", _("needs a decision")


class JobState(models.TextChoices):
    """State of a job, that is, of one create call.

    ``sending``: a worker holds it and may have sent it. ``checking``: the response was lost, and the provider is asked
    whether it has the job. ``running``: the provider has accepted it.
    """

    QUEUED = "queued", _("queued")
    SENDING = "sending", _("sending")
    CHECKING = "checking", _("being looked up")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    STALLED = "stalled", _("needs a decision")


class Review(models.TextChoices):
    """A person's judgement of a result."""

    PENDING = "pending", _("to review")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")


class Publication(models.TextChoices):
    """Publication of a result on its product. ``waiting``: a worker will do it."""

    NONE = "none", _("not published")
    WAITING = "waiting", _("being published")
    PUBLISHED = "published", _("on the product")
    CONFLICT = "conflict", _("could not be published")
    RESTORED = "restored", _("taken back")


OPEN_ITEMS = (ItemStatus.QUEUED, ItemStatus.PROCESSING)
ACTIVE_ITEMS = (ItemStatus.QUEUED, ItemStatus.PROCESSING, ItemStatus.STALLED)
ENDED_ITEMS = (ItemStatus.COMPLETED, ItemStatus.FAILED, ItemStatus.CANCELLED)
ACTIVE_ENHANCEMENTS = (EnhancementStatus.QUEUED, EnhancementStatus.PROCESSING)
UNFINISHED_JOBS = (JobState.QUEUED, JobState.SENDING, JobState.CHECKING, JobState.RUNNING)
ENDED_JOBS = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
HELD_JOBS = (JobState.SENDING, JobState.CHECKING, JobState.RUNNING)  #: a worker may hold a lease on them
