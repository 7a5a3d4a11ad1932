"""Versions: the files of a product before and after each publication.

The file of before may be the only original there is: new looks start from it.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from product_imagery.models.result import ResultImage
from product_imagery.products import description_for


class ImageVersion(models.Model):
    """One publication, with the data to restore the previous state exactly.

    Digests are SHA-256 in hex, empty without a file. ``before_null``: the field was null, not an empty string.
    ``place``: table, column and row of the picture, the same for each registration of the model.
    """

    result = models.ForeignKey(
        ResultImage, models.SET_NULL, verbose_name=_("result"), null=True, related_name="versions"
    )
    content_type = models.ForeignKey(ContentType, models.PROTECT, verbose_name=_("model"), related_name="+")
    object_id = models.CharField(_("product id"), max_length=64)
    slot = models.CharField(_("picture"), max_length=64, blank=True)
    place = models.CharField(max_length=255, editable=False)
    label = models.CharField(_("product"), max_length=200)
    before_name = models.CharField(_("file before"), max_length=500, blank=True)
    before_null = models.BooleanField(default=False, editable=False)
    before_digest = models.CharField(max_length=64, blank=True, editable=False)
    after_name = models.CharField(_("file after"), max_length=500)
    after_digest = models.CharField(max_length=64, editable=False)
    published_at = models.DateTimeField(_("published"), auto_now_add=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("published by"), null=True, related_name="+"
    )
    restored_at = models.DateTimeField(_("taken back"), null=True)
    restored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, verbose_name=_("taken back by"), null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("image version")
        verbose_name_plural = _("image versions")
        ordering = ("-pk",)
        permissions = (("restore_imageversion", "Can put the earlier picture back"),)
        indexes = (models.Index(fields=["content_type", "object_id", "slot"]), models.Index(fields=["place"]))

    def __str__(self) -> str:
        return f"{self.label}, {self.published_at:%Y-%m-%d %H:%M}"

    def get_object(self) -> models.Model | None:
        """Return the product; ``None`` if it is gone. Raises ``RegistrationError`` if its model is."""
        return description_for(self.content_type_id).model._base_manager.filter(pk=self.object_id).first()

    def get_row(self) -> models.Model | None:
        """Return the row with the picture: the product itself, or a related one. ``None`` if it is gone."""
        return description_for(self.content_type_id).rows_of(self.object_id, self.slot).first()
