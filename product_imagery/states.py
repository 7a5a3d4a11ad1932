"""The states of everything, and which of them are final."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class EnhancementStatus(models.TextChoices):
    """Of a whole enhancement, computed from its items."""

    QUEUED = "queued", _("queued")
    PROCESSING = "processing", _("processing")
    COMPLETED = "completed", _("completed")
    PARTIALLY_COMPLETED = "partially_completed", _("partially completed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class ItemStatus(models.TextChoices):
    """Of one picture. ``stalled``: the provider may or may not have accepted it, a person decides."""

    QUEUED = "queued", _("queued")
    PROCESSING = "processing", _("processing")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    STALLED = "stalled", _("needs a decision")


class JobState(models.TextChoices):
    """Of one create call: ``sending`` is claimed and may have been handed over, ``running`` was accepted.

    ``checking``: its answer was lost, and it is being found out whether the provider has it.
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
    """What a person thinks of a result."""

    PENDING = "pending", _("to review")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")


class Publication(models.TextChoices):
    """Whether a result is on the product. ``waiting``: a worker will put it there."""

    NONE = "none", _("not published")
    WAITING = "waiting", _("being published")
    PUBLISHED = "published", _("on the product")
    CONFLICT = "conflict", _("not published: the product changed")
    RESTORED = "restored", _("taken back")


OPEN_ITEMS = (ItemStatus.QUEUED, ItemStatus.PROCESSING)
ACTIVE_ITEMS = (ItemStatus.QUEUED, ItemStatus.PROCESSING, ItemStatus.STALLED)
ACTIVE_ENHANCEMENTS = (EnhancementStatus.QUEUED, EnhancementStatus.PROCESSING)
UNFINISHED_JOBS = (JobState.QUEUED, JobState.SENDING, JobState.CHECKING, JobState.RUNNING)
HELD_JOBS = (JobState.SENDING, JobState.CHECKING, JobState.RUNNING)  #: a worker may be at them
