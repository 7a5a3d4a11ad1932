"""Results: the pictures that came back."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from product_imagery.models import transitions
from product_imagery.models.db_time import from_now
from product_imagery.models.enhancement import Enhancement, EnhancementItem
from product_imagery.models.job import ProviderJob
from product_imagery.models.leases import Lease, LeaseQuerySet
from product_imagery.states import Publication, Review
from product_imagery.storage.store import results_storage

_Picture = tuple[int, str, str]  #: content type, primary key and slot of a picture of a product
_LATELY = 90 * 86_400.0  #: seconds
_SCANNED = 100  #: waiting results that are examined for those whose picture is not being published already


class ResultQuerySet(LeaseQuerySet["ResultImage"]):
    """Results by publication, and the leases on those that are being published."""

    def acquire_publications(
        self, *, most: int, seconds: float, tries: int, busy: Collection[_Picture] = (), full: Collection[int] = ()
    ) -> list[ResultImage]:
        """Lease up to ``most`` results that wait for publication, for ``seconds``.

        Excluded are pictures that are ``busy``, so that two results are never published to one at the same time;
        content types in ``full``; and results that were leased ``tries`` times already.
        """
        due = self.free().to_publish_now().filter(attempts__lt=tries)
        open_ = due.exclude(item__content_type__in=full).order_by("pk")
        names = ("pk", "item__content_type", "item__object_id", "item__slot")
        free: dict[_Picture, int] = {}
        for pk, *picture in open_.values_list(*names)[:_SCANNED] if most > 0 else ():
            free.setdefault((picture[0], picture[1], picture[2]), pk)
        chosen = [pk for picture, pk in free.items() if picture not in busy][:most]
        if not chosen:
            return []
        token = due.filter(pk__in=chosen).acquire(seconds, attempts=F("attempts") + 1)
        leased = self.filter(lease_token=token) if token else self.none()
        return list(leased.filter(publication=Publication.WAITING).select_related("item__enhancement"))

    def give_up_endless(self, tries: int, reason: str) -> int:
        """Mark results as conflicts that were leased ``tries`` times in vain; return their number."""
        endless = self.free().filter(publication=Publication.WAITING, attempts__gte=tries)
        return transitions.mark_conflict(endless, reason) if endless.exists() else 0

    def to_publish_now(self) -> ResultQuerySet:
        """Filter results that wait for publication and whose time for second thoughts is over."""
        due = Q(publish_after=None) | Q(publish_after__lte=Now())
        return self.filter(due, publication=Publication.WAITING)

    def to_review(self) -> ResultQuerySet:
        """Filter results that nobody has judged; the other variants of one that was approved need no judgement."""
        return self.filter(needs_review())

    def lately_refused(self) -> ResultQuerySet:
        """Filter results of the last 90 days that could not be published."""
        return self.refused().filter(created_at__gte=from_now(-_LATELY))

    def in_portions(self, size: int) -> Iterator[list[ResultImage]]:
        """Yield the results in lists of at most ``size`` in the order of their keys, each read by its own query."""
        after, rows = 0, self.order_by("pk")
        while some := list(rows.filter(pk__gt=after)[:size]):
            yield some
            after = some[-1].pk

    def chosen(self) -> ResultQuerySet:
        """Filter results that are published or wait for publication."""
        return self.filter(publication__in=(Publication.WAITING, Publication.PUBLISHED))

    def refused(self) -> ResultQuerySet:
        """Filter approved results that could not be published."""
        return self.filter(publication=Publication.CONFLICT)

    def held(self, row: ResultImage) -> ResultQuerySet:
        """Filter ``row`` if its lease is still ours and its publication was not withdrawn."""
        return super().held(row).filter(publication=Publication.WAITING)


def needs_review() -> Q:
    """Return the condition of ``ResultQuerySet.to_review``."""
    approved = ResultImage.objects.filter(job=OuterRef("job"), item=OuterRef("item"), review=Review.APPROVED)
    return Q(~Exists(approved), review=Review.PENDING)


def _of_owner(*fields: str, name: str) -> models.Index:
    """Return an index for lists of the API, whose rows all have an owner."""
    return models.Index(fields=["owner", *fields], condition=models.Q(owner__isnull=False), name=name)


class ResultImage(Lease):
    """One picture for an item.

    ``confidence``: from 0 to 1; ``warnings``: codes that the provider explains; ``mark``: origin mark in the file, such
    as IPTC's DigitalSourceType; ``decision``: the same for all results that one press of a button has decided;
    ``publish_after``: until then a person may change their mind; ``approved_by_rule``: name that the rule had then.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    item = models.ForeignKey(EnhancementItem, models.CASCADE, verbose_name=_("item"), related_name="results")
    enhancement = models.ForeignKey(
        Enhancement, models.CASCADE, verbose_name=_("enhancement"), related_name="results", db_index=False
    )
    job = models.ForeignKey(
        ProviderJob, models.SET_NULL, verbose_name=_("provider job"), null=True, related_name="results"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("owner"), null=True, related_name="+"
    )
    is_test = models.BooleanField(_("made with a test key"), default=False)
    image = models.ImageField(_("picture"), storage=results_storage, max_length=500)
    thumbnail = models.ImageField(_("thumbnail"), storage=results_storage, max_length=500)
    original = models.FileField(_("as it came from the provider"), storage=results_storage, max_length=500, blank=True)
    format = models.CharField(_("format"), max_length=10)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    size = models.PositiveBigIntegerField(_("bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    mark = models.CharField(_("origin mark"), max_length=60, blank=True)
    confidence = models.FloatField(_("confidence"), default=1.0)
    warnings = models.JSONField(_("warnings"), default=list, blank=True)
    report = models.JSONField(_("report"), default=dict, blank=True)
    review = models.CharField(_("review"), max_length=10, choices=Review, default=Review.PENDING)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("reviewed by"), null=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(_("reviewed"), null=True)
    approved_by_rule = models.CharField(_("approved by the rule"), max_length=80, blank=True)
    review_note = models.CharField(_("reason"), max_length=200, blank=True)
    decision = models.UUIDField(null=True, editable=False, db_index=True)
    publication = models.CharField(_("publication"), max_length=10, choices=Publication, default=Publication.NONE)
    publication_note = models.CharField(_("why not"), max_length=500, blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("published by"), null=True, related_name="+"
    )
    publish_after = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    objects = ResultQuerySet.as_manager()

    class Meta:
        verbose_name = _("result")
        verbose_name_plural = _("results")
        ordering = ("pk",)
        permissions = (
            ("review_resultimage", "Can approve and reject results"),
            ("publish_resultimage", "Can put approved results on products"),
        )
        constraints = (
            *Lease.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(confidence__gte=0, confidence__lte=1), name="imagery_result_confidence"
            ),
            models.CheckConstraint(
                condition=models.Q(publication="none") | models.Q(review="approved"),
                name="imagery_result_published_if_approved",
            ),
            models.UniqueConstraint(
                fields=["item"], condition=models.Q(publication="waiting"), name="imagery_one_variant_waits"
            ),
        )
        indexes = (
            models.Index(fields=["publication"], condition=models.Q(publication="waiting"), name="imagery_to_publish"),
            models.Index(
                fields=["published_by", "enhancement"],
                condition=models.Q(publication="conflict"),
                name="imagery_not_published",
            ),
            models.Index(fields=["review"]),
            models.Index(fields=["item", "review"], name="imagery_review_of_item"),
            models.Index(fields=["enhancement", "-id"], name="imagery_of_enhancement"),
            _of_owner("is_test", "-id", name="imagery_of_owner"),
            _of_owner("is_test", "review", "-id", name="imagery_of_owner_review"),
            _of_owner("is_test", "publication", "-id", name="imagery_of_owner_shown"),
        )

    def __str__(self) -> str:
        return f"{self.item} ({self.width}×{self.height})"
