"""One request, and each picture on its way through it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from product_imagery.models.constraints import finished_when, not_negative
from product_imagery.models.credential import ProviderCredential
from product_imagery.models.key import ApiKey
from product_imagery.models.preset import Preset, operation_choices
from product_imagery.states import (
    ACTIVE_ENHANCEMENTS,
    ENDED_ITEMS,
    OPEN_ITEMS,
    EnhancementStatus,
    ItemStatus,
    Publication,
    Review,
)


class EnhancementQuerySet(models.QuerySet["Enhancement"]):
    """Enhancements with their figures."""

    def with_progress(self) -> EnhancementQuerySet:
        """Annotate ``total``, ``completed``, ``failed``, ``cancelled``, ``stalled`` and ``open`` in the same query.

        ``unprepared`` of the total and the open ones are no items yet; ``preparing`` says that a worker is at it.
        Counted in an index, and of those rows only that come out of the query: a page of a long list costs a page.
        """

        def having(*statuses: str) -> Coalesce:
            items = EnhancementItem.objects.filter(enhancement=OuterRef("pk"), status__in=statuses).order_by()
            counted = items.values("enhancement").annotate(number=Count("pk")).values("number")
            return Coalesce(Subquery(counted), 0)

        mine = Enhancement.objects.filter(pk=OuterRef("pk"), preparation__isnull=False).order_by()
        unprepared = Coalesce(Subquery(mine.values("preparation__left")), 0)
        return self.annotate(
            preparing=Exists(mine),
            unprepared=unprepared,
            total=having(*ItemStatus.values) + unprepared,
            completed=having(ItemStatus.COMPLETED),
            failed=having(ItemStatus.FAILED),
            cancelled=having(ItemStatus.CANCELLED),
            stalled=having(ItemStatus.STALLED),
            open=having(*OPEN_ITEMS) + unprepared,
        )


class Enhancement(models.Model):
    """A frozen selection of pictures and what to do with them."""

    class Channel(models.TextChoices):
        """Where the request came in."""

        ADMIN = "admin", _("admin")
        API = "api", _("API")
        COMMAND = "command", _("command")
        CODE = "code", _("the shop's own code")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    status = models.CharField(_("status"), max_length=20, choices=EnhancementStatus, default=EnhancementStatus.QUEUED)
    operation = models.CharField(_("operation"), max_length=30, choices=operation_choices)
    options = models.JSONField(_("options"), default=dict)
    preset = models.ForeignKey(Preset, models.SET_NULL, verbose_name=_("preset"), null=True, blank=True)
    credential = models.ForeignKey(ProviderCredential, models.PROTECT, verbose_name=_("credential"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("started by"), null=True, blank=True, related_name="+"
    )
    channel = models.CharField(_("started from"), max_length=10, choices=Channel)
    api_key = models.ForeignKey(
        ApiKey, models.SET_NULL, verbose_name=_("API key"), null=True, blank=True, related_name="enhancements"
    )
    is_test = models.BooleanField(_("made with a test key: never published"), default=False)
    is_sandbox = models.BooleanField(_("made with a provider's sandbox key: never published"), default=False)
    webhook_url = models.TextField(_("events go to"), blank=True)
    budget = models.DecimalField(_("budget"), max_digits=12, decimal_places=2, null=True, blank=True)
    auto_approve = models.BooleanField(_("approve without review"), default=False)
    created_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    omitted = models.JSONField(_("left out"), default=dict, blank=True, editable=False)  # reason: how many
    note = models.CharField(_("note"), max_length=500, blank=True, editable=False)
    forgotten_at = models.DateTimeField(_("words forgotten"), null=True, blank=True, editable=False)

    #: (description, key, reason, work key) of products that were left out, on what ``flows.start`` returns
    left_out: Sequence[tuple[Any, Any, str, str]] = ()

    objects = EnhancementQuerySet.as_manager()

    class Meta:
        verbose_name = _("enhancement")
        verbose_name_plural = _("enhancements")
        ordering = ("-pk",)
        permissions = (
            ("start_enhancement", _("Can start enhancements (may spend money)")),
            ("cancel_enhancement", _("Can cancel and retry enhancements")),
        )
        constraints = (
            *not_negative("enhancement", "budget"),
            finished_when("enhancement", ~Q(status__in=ACTIVE_ENHANCEMENTS)),
        )
        indexes = (
            models.Index(fields=["status"]),
            models.Index(fields=["created_at"]),
            models.Index(fields=["actor", "is_test", "-id"], name="imagery_of_actor"),
        )

    def __str__(self) -> str:
        return f"#{self.pk} {self.get_operation_display()}"

    @property
    def is_trial(self) -> bool:
        """Made to try things out: nothing of it is charged, and none of it ever stands on a product."""
        return self.is_test or self.is_sandbox

    @property
    def is_preparing(self) -> bool:
        """True while workers still make items of it, or queue again what failed."""
        return Enhancement.objects.filter(pk=self.pk, preparation__isnull=False).exists()

    @property
    def is_active(self) -> bool:
        """True until every item has come to an end."""
        return self.status in ACTIVE_ENHANCEMENTS


class ItemQuerySet(models.QuerySet["EnhancementItem"]):
    """Items by what is still to be done with them."""

    def to_review(self) -> ItemQuerySet:
        """Completed items with a result that nobody has judged."""
        return self.filter(status=ItemStatus.COMPLETED, results__review=Review.PENDING).distinct()

    def held_back(self) -> ItemQuerySet:
        """Items with a result that was to be published without review, and of which a person has to be sure first."""
        return self.filter(results__review=Review.PENDING, results__publication_note__gt="").distinct()

    def to_collect(self) -> ItemQuerySet:
        """Failed items whose pictures are made and paid for: trying again only fetches them."""
        return self.filter(status=ItemStatus.FAILED, job__collectable=True)

    def to_publish(self) -> ItemQuerySet:
        """Items with an approved result that is not on its product."""
        return self.filter(results__review=Review.APPROVED, results__publication=Publication.NONE).distinct()


class EnhancementItem(models.Model):
    """One source picture of one product.

    ``place`` is the picture that is written: table, column and row. ``source_name`` is the file that the work is done
    from, which is not ours unless a person wanted that; ``target_name`` is what stood in the product's field when the
    selection was frozen, and what our own publications have put there since. ``slot`` tells pictures of one product
    apart, empty where it has one. ``active_key`` is unique while the item is active: the same work is never under way
    twice.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enhancement = models.ForeignKey(Enhancement, models.CASCADE, related_name="items")
    job = models.ForeignKey("ProviderJob", models.SET_NULL, related_name="items", null=True, editable=False)
    content_type = models.ForeignKey(ContentType, models.PROTECT, verbose_name=_("model"), related_name="+")
    object_id = models.CharField(_("product id"), max_length=64)
    slot = models.CharField(_("picture"), max_length=64, blank=True)
    place = models.CharField(max_length=255, editable=False)
    label = models.CharField(_("product"), max_length=200)
    source_name = models.CharField(_("source file"), max_length=500)
    source_url = models.TextField(_("fetched from"), blank=True)
    target_name = models.CharField(_("target file"), max_length=500, blank=True)
    source_digest = models.CharField(_("SHA-256 of the source"), max_length=64, blank=True)
    external_id = models.CharField(_("the caller's own id"), max_length=128, blank=True)
    work_key = models.CharField(max_length=64, editable=False)
    active_key = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001  NULLs differ
    status = models.CharField(_("status"), max_length=12, choices=ItemStatus, default=ItemStatus.QUEUED)
    error_code = models.CharField(_("reason code"), max_length=60, blank=True)
    error_message = models.CharField(_("reason"), max_length=500, blank=True)
    error_detail = models.TextField(_("detail for the operator"), blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        ordering = ("pk",)
        indexes = (
            models.Index(fields=["enhancement", "status"]),
            models.Index(fields=["content_type", "object_id", "slot"]),
            models.Index(fields=["place"]),
            models.Index(fields=["work_key"]),
            models.Index(fields=["external_id"]),
        )
        constraints = (
            finished_when("item", Q(status__in=ENDED_ITEMS)),
            models.CheckConstraint(
                condition=Q(active_key=None) | ~Q(status__in=ENDED_ITEMS),
                name="imagery_item_ended_is_not_active",
            ),
        )

    def __str__(self) -> str:
        return self.label

    @property
    def external_ids(self) -> list[str]:
        """All that the caller calls this picture: variants of a product may share one."""
        return [self.external_id, *(further.name for further in self.further_ids.all())] if self.external_id else []

    @property
    def product_id(self) -> str:
        """What programs call the product: ``shop.product:12``."""
        return f"{self.content_type.app_label}.{self.content_type.model}:{self.object_id}"

    def same_picture(self) -> dict[str, Any]:
        """Filter arguments that select everything about the same picture of the same product."""
        names = ("content_type_id", "object_id", "slot", "place")
        return {name: getattr(self, name) for name in names}


class FurtherId(models.Model):
    """What a caller calls a picture besides its first external id: variants that share one photo share its result."""

    item = models.ForeignKey(EnhancementItem, models.CASCADE, related_name="further_ids")
    name = models.CharField(max_length=128, db_index=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name
