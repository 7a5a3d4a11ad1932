"""Uploaded pictures, which belong to no product of the shop."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from product_imagery.storage.names import beside_upload
from product_imagery.storage.store import results_storage

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def time_ordered() -> uuid.UUID:
    """Return a UUID of version 7 (RFC 9562): ordered by time, with 74 random bits."""
    moment = time.time_ns() // 1_000_000
    version, variant = 0x7 << 76, 0b10 << 62
    return uuid.UUID(int=moment << 80 | version | secrets.randbits(12) << 64 | variant | secrets.randbits(62))


def _beside_source(upload: Upload, filename: str) -> str:
    return beside_upload(upload.pk, filename)


class UploadQuerySet(models.QuerySet["Upload"]):
    """Uploads by owner."""

    def of(self, owner: AbstractBaseUser, is_test: bool) -> UploadQuerySet:
        """Filter the uploads of an owner, either those made with test keys or the others."""
        return self.filter(owner=owner.pk, is_test=is_test)


class Upload(models.Model):
    """A picture uploaded through the API, enhanced like a product with one picture.

    - ``source``: file in the storage of results; fetched from ``source_url``, if that is set, when first needed.
    - ``origin``: identity of the picture: ``sha256:…`` or ``url:…``.
    - ``kept``: false until the request with the picture is accepted.
    """

    id = models.UUIDField(primary_key=True, default=time_ordered, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("owner"), null=True, related_name="+"
    )
    is_test = models.BooleanField(_("made with a test key"), default=False)
    name = models.CharField(_("name"), max_length=200)
    source = models.FileField(_("picture"), storage=results_storage, max_length=255)
    source_url = models.TextField(_("fetched from"), blank=True)
    origin = models.CharField(max_length=80, editable=False)
    enhanced = models.FileField(
        _("enhanced picture"), storage=results_storage, upload_to=_beside_source, max_length=255, blank=True
    )
    kept = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        verbose_name = _("uploaded picture")
        verbose_name_plural = _("uploaded pictures")
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=["owner", "is_test", "origin"]),
            models.Index(fields=["kept", "created_at"]),
        )

    def __str__(self) -> str:
        return self.name
