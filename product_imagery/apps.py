"""App configuration: what is connected at start-up."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from product_imagery import texts


class ProductImageryConfig(AppConfig):
    """Configuration of the app ``product_imagery``."""

    name = "product_imagery"
    verbose_name = _("Product imagery")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import ``imagery.py`` of every app, register the checks, connect the schedule and Django's translations."""
        from django.db.models.signals import post_migrate  # noqa: PLC0415

        from product_imagery import background, checks  # noqa: F401, PLC0415

        texts.translate_with(gettext, ngettext)
        autodiscover_modules("imagery")
        post_migrate.connect(background.ensure_schedule, sender=self)
