"""Enhancements and their items."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Case, Count, Exists, F, Min, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from product_imagery.models.api_key import ApiKey
from product_imagery.models.constraints import finished_when, not_negative
from product_imagery.models.credential import ProviderCredential
from product_imagery.models.preset import Preset, operation_choices, pack_choices
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
    """Enhancements with the counts of their items, or with what their titles need."""

    def titled(self) -> EnhancementQuerySet:
        """Fetch with each row the columns that its title needs, so that a list of titles takes one query."""
        items = EnhancementItem.objects.filter(enhancement=OuterRef("pk")).order_by()
        counted = items.values("enhancement").annotate(number=Count("pk")).values("number")
        size = Coalesce(Subquery(counted), 0) + _unprepared()
        return self.select_related("preset").annotate(size=size, slot_of_one=Subquery(items.values("slot")[:1]))

    def with_progress(self) -> EnhancementQuerySet:
        """Annotate ``total``, ``completed``, ``failed``, ``cancelled``, ``stalled`` and ``open`` in the same query.

        ``refused``: pictures that lately could not be published.
        ``unprepared``: pictures in ``total`` and ``open`` for which a worker has not created items yet; ``preparing``:
        true while it does. The counts are subqueries on an index, evaluated for the returned rows only, so a page of a
        long list is as fast as a short list.
        """

        def having(*statuses: str) -> Coalesce:
            items = EnhancementItem.objects.filter(enhancement=OuterRef("pk"), status__in=statuses).order_by()
            counted = items.values("enhancement").annotate(number=Count("pk")).values("number")
            return Coalesce(Subquery(counted), 0)

        results: Any = apps.get_model("product_imagery", "ResultImage")
        refused = results.objects.lately_refused().filter(enhancement=OuterRef("pk")).order_by()
        refused = refused.values("enhancement").annotate(number=Count("item", distinct=True)).values("number")
        unprepared = _unprepared()
        return self.annotate(
            preparing=Exists(_preparing()),
            unprepared=unprepared,
            total=having(*ItemStatus.values) + unprepared,
            completed=having(ItemStatus.COMPLETED),
            failed=having(ItemStatus.FAILED),
            cancelled=having(ItemStatus.CANCELLED),
            stalled=having(ItemStatus.STALLED),
            open=having(*OPEN_ITEMS) + unprepared,
            refused=Coalesce(Subquery(refused), 0),
        )


def _preparing() -> EnhancementQuerySet:
    """Return a subquery of the same enhancement while a worker prepares it."""
    return Enhancement.objects.filter(pk=OuterRef("pk"), preparation__isnull=False).order_by()


def _unprepared() -> Coalesce:
    """Return the number of pictures for which a worker has not created items yet, as an expression."""
    return Coalesce(Subquery(_preparing().values("preparation__left")), 0)


class Enhancement(models.Model):
    """A request to enhance a frozen selection of pictures.

    ``omitted`` counts the pictures that were left out, by reason. ``origin``: the enhancement in whose review another
    picture was asked for, which this one makes.
    """

    class Channel(models.TextChoices):
        """The entry point of a request."""

        ADMIN = "admin", _("admin")
        API = "api", _("API")
        COMMAND = "command", _("command")
        CODE = "code", _("the shop's own code")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    status = models.CharField(_("status"), max_length=20, choices=EnhancementStatus, default=EnhancementStatus.QUEUED)
    operation = models.CharField(_("operation"), max_length=30, choices=operation_choices)
    options = models.JSONField(_("options"), default=dict)
    preset = models.ForeignKey(Preset, models.SET_NULL, verbose_name=_("preset"), null=True, blank=True)
    rules = models.CharField(_("marketplace"), max_length=40, choices=pack_choices, blank=True, editable=False)
    fidelity = models.JSONField(default=dict, editable=False)
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
    origin = models.ForeignKey(
        "self", models.SET_NULL, verbose_name=_("asked for in the review of"), null=True, blank=True, related_name="+"
    )
    auto_approve = models.BooleanField(_("approve without review"), default=False)
    created_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    omitted = models.JSONField(_("left out"), default=dict, blank=True, editable=False)
    note = models.CharField(_("note"), max_length=500, blank=True, editable=False)
    forgotten_at = models.DateTimeField(_("words forgotten"), null=True, blank=True, editable=False)

    objects = EnhancementQuerySet.as_manager()

    class Meta:
        verbose_name = _("enhancement")
        verbose_name_plural = _("enhancements")
        ordering = ("-pk",)
        permissions = (
            ("start_enhancement", "Can start enhancements (may spend money)"),
            ("cancel_enhancement", "Can cancel and retry enhancements"),
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
        return self.title

    @property
    def look(self) -> str:
        """Name of the preset, or of the operation where there is none."""
        return str(self.preset or self.get_operation_display())

    @property
    def title(self) -> str:
        """Look and size, such as “White marble, 18 products”.

        Takes up to two queries for a row that ``titled`` did not fetch.
        """
        counted: Any = self
        if not hasattr(self, "size"):
            counted = Enhancement.objects.titled().filter(pk=self.pk).first()
        size, slot = (counted.size, counted.slot_of_one) if counted else (0, "")
        if slot:
            number = ngettext("%(n)s picture", "%(n)s pictures", size) % {"n": size}
        else:
            number = ngettext("%(n)s product", "%(n)s products", size) % {"n": size}
        return gettext("%(look)s, %(number)s") % {"look": capfirst(self.look), "number": number}

    @property
    def is_trial(self) -> bool:
        """True if it was made with a test key or a sandbox key: nothing is charged, and nothing is published."""
        return self.is_test or self.is_sandbox

    @property
    def is_preparing(self) -> bool:
        """True while a worker still creates items, or requeues failed ones."""
        return Enhancement.objects.filter(pk=self.pk, preparation__isnull=False).exists()

    @property
    def is_active(self) -> bool:
        """True until all items have ended."""
        return self.status in ACTIVE_ENHANCEMENTS


NO_RESULT = 3.0  #: ``worst`` of an item without a result
_NO_WARNING = 2.0  #: is added to a confidence, so that every result with a warning is worse


class ItemQuerySet(models.QuerySet["EnhancementItem"]):
    """Items by the next step that they need."""

    def to_review(self) -> ItemQuerySet:
        """Filter completed items with a result that is not reviewed yet, unless another variant of it was approved."""
        results: Any = apps.get_model("product_imagery", "ResultImage")
        mine = results.objects.to_review().filter(item=OuterRef("pk")).order_by()
        return self.filter(Exists(mine), status=ItemStatus.COMPLETED)

    def rank(self, items: Iterable[EnhancementItem]) -> None:
        """Store the places in the review of items that have new results, and of their siblings, with one update.

        ``worst`` is the lowest confidence among the results of a product, those with a warning first; ``head`` is the
        first item of the product in the enhancement, which keeps its pictures together.
        """
        names = ("enhancement_id", "content_type_id", "object_id")
        keys = {f"{name}__in": {getattr(item, name) for item in items} for name in names}
        product = {name: OuterRef(name) for name in names}
        siblings = self.filter(**product).order_by().values("object_id")
        value = Case(
            When(results__warnings=[], then=F("results__confidence") + _NO_WARNING), default="results__confidence"
        )
        least, first = (siblings.annotate(found=Min(one)).values("found") for one in (value, "pk"))
        self.filter(**keys).update(worst=Coalesce(Subquery(least), NO_RESULT), head=Subquery(first))

    def held_back(self) -> ItemQuerySet:
        """Filter items with a result that was to be published without review, but needs one."""
        return self.filter(results__review=Review.PENDING, results__publication_note__gt="").distinct()

    def to_collect(self) -> ItemQuerySet:
        """Filter failed items whose results exist at the provider: a retry fetches them and costs nothing."""
        return self.filter(status=ItemStatus.FAILED, job__collectable=True)

    def to_publish(self) -> ItemQuerySet:
        """Filter items with an approved result that is not published."""
        return self.filter(results__review=Review.APPROVED, results__publication=Publication.NONE).distinct()


class EnhancementItem(models.Model):
    """One source picture of one product.

    - ``place``: table, column and row of the picture that is published to.
    - ``slot``: name of the picture among several of one product; empty if there is only one.
    - ``source_name``: file that is enhanced; a result of ours only if a person asked for that.
    - ``target_name``: file in the product's field when the selection was frozen, or that we have published there since.
    - ``worst``, ``head``: place in the review, see ``rank``.
    - ``work_key``: identity of the work. ``active_key`` is the same until the item ends; it is unique, so the same work
      is never in progress twice.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enhancement = models.ForeignKey(Enhancement, models.CASCADE, verbose_name=_("enhancement"), related_name="items")
    job = models.ForeignKey(
        "ProviderJob", models.SET_NULL, verbose_name=_("provider job"), related_name="items", null=True, editable=False
    )
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
    worst = models.FloatField(default=NO_RESULT, editable=False)
    head = models.BigIntegerField(default=0, editable=False)
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
        """All ids that the caller gave to this picture, which several variants of a product may share."""
        return [self.external_id, *(further.name for further in self.further_ids.all())] if self.external_id else []

    @property
    def product_id(self) -> str:
        """Id of the product in the API: ``shop.product:12``."""
        return f"{self.content_type.app_label}.{self.content_type.model}:{self.object_id}"

    def same_picture(self) -> dict[str, Any]:
        """Return lookups for rows about the same picture of the same product."""
        names = ("content_type_id", "object_id", "slot", "place")
        return {name: getattr(self, name) for name in names}


class FurtherId(models.Model):
    """A further external id of a picture. Variants that share one photo share its item and its results."""

    item = models.ForeignKey(EnhancementItem, models.CASCADE, verbose_name=_("item"), related_name="further_ids")
    name = models.CharField(max_length=128, db_index=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name
