"""Approval rules: conditions under which results are approved without a person."""

from __future__ import annotations

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.categories import products_of
from product_imagery.exceptions import RegistrationError
from product_imagery.models.credential import ProviderCredential
from product_imagery.models.preset import Preset, operation_choices
from product_imagery.products import description_for


class ApprovalRuleQuerySet(models.QuerySet["ApprovalRule"]):
    """Rules in the order in which they decide."""

    def in_use(self) -> ApprovalRuleQuerySet:
        """Filter rules in use; of two that fit a result the one that publishes comes first, then the older one."""
        return self.filter(is_active=True).select_related("changed_by").order_by("-publishes", "pk")

    def for_work(
        self, *, content_type: int, preset: Preset | None, credential: ProviderCredential, operation: str
    ) -> ApprovalRuleQuerySet:
        """Filter rules that may approve results of this work on products of this model."""
        return self.filter(
            Q(content_type=None) | Q(content_type=content_type),
            Q(preset=None) | Q(preset=preset) if preset else Q(preset=None),
            Q(credential=None) | Q(credential=credential),
            operation__in=("", operation),
        )


class ApprovalRule(models.Model):
    """Conditions under which results that come in are approved, and published if ``publishes``.

    A condition that is empty is always met. A rule is deleted with the preset, credential or model that it names, so
    that it never covers more than was written. ``category`` is a value of the field that the description of the model
    names. The rule decides in the name of ``changed_by``, who has saved it last.
    """

    name = models.CharField(_("name"), max_length=80, unique=True)
    is_active = models.BooleanField(_("in use"), default=True)
    content_type = models.ForeignKey(
        ContentType, models.CASCADE, verbose_name=_("model"), null=True, blank=True, related_name="+"
    )
    category = models.CharField(_("category"), max_length=200, blank=True)
    preset = models.ForeignKey(Preset, models.CASCADE, verbose_name=_("look"), null=True, blank=True)
    operation = models.CharField(_("operation"), max_length=30, choices=operation_choices, blank=True)
    credential = models.ForeignKey(
        ProviderCredential, models.CASCADE, verbose_name=_("credential"), null=True, blank=True
    )
    least_confidence = models.PositiveSmallIntegerField(
        _("least confidence in percent"), default=80, validators=[MaxValueValidator(100)]
    )
    allows_warnings = models.BooleanField(_("also with harmless warnings"), default=False)
    publishes = models.BooleanField(_("publish as well"), default=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("changed by"),
        null=True,
        editable=False,
        related_name="+",
    )
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = ApprovalRuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("approval rule")
        verbose_name_plural = _("approval rules")
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=Q(least_confidence__lte=100), name="imagery_rule_percent"),
            models.CheckConstraint(
                condition=Q(category="") | Q(content_type__isnull=False), name="imagery_rule_category_of_model"
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse conditions that no result can meet together. Raises ``ValidationError``."""
        if self.preset and self.operation not in ("", self.preset.operation):
            sentence = gettext("The look “%(look)s” is another operation, so this would cover nothing.")
            raise ValidationError(sentence % {"look": self.preset})
        if self.content_type_id is None:
            return
        try:
            description = description_for(self.content_type_id)
            if self.category:
                products_of(description, self.category)
        except RegistrationError as error:
            raise ValidationError(error.message) from error
        except LookupError as error:
            raise ValidationError(gettext("These products have no categories.")) from error
