"""Audited pictures: what the last audit has found wrong, for the page of the admin."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from product_imagery.models.preset import pack_choices
from product_imagery.rules.judge import Finding, Level, finding_of


class AuditedPicture(models.Model):
    """A picture on a product that a marketplace refuses, or accepts but advises against.

    ``file`` is the name in the field that is written if ``is_published``, else in the one that is read; ``findings``
    are those at the levels fail and warn, as ``rules.judge.Finding`` describes them.
    """

    content_type = models.ForeignKey(ContentType, models.CASCADE, verbose_name=_("model"), related_name="+")
    object_id = models.CharField(_("product id"), max_length=64)
    slot = models.CharField(_("picture"), max_length=64, blank=True)
    label = models.CharField(_("product"), max_length=200)
    file = models.CharField(_("file"), max_length=500)
    is_published = models.BooleanField(default=False, editable=False)
    pack = models.CharField(_("marketplace"), max_length=40, choices=pack_choices)
    level = models.CharField(
        _("result"), max_length=10, choices=[(Level.FAIL.value, _("refused")), (Level.WARN.value, _("not advised"))]
    )
    findings = models.JSONField(_("reasons"), default=list)
    checked_at = models.DateTimeField(_("checked"))

    class Meta:
        verbose_name = _("picture outside marketplace rules")
        verbose_name_plural = _("pictures outside marketplace rules")
        ordering = ("level", "label", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["content_type", "object_id", "slot", "pack"], name="imagery_audited_once_by_a_pack"
            ),
        )
        indexes = (models.Index(fields=["level", "label", "id"], name="imagery_audited"),)

    def __str__(self) -> str:
        return self.label

    @property
    def reasons(self) -> list[Finding]:
        """Findings, with their sentences in the reader's language."""
        return [finding_of(one) for one in self.findings]
