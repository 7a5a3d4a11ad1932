"""Mixin for the product admin of a shop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import go
from product_imagery.conf import get_settings
from product_imagery.exceptions import RegistrationError
from product_imagery.models import Enhancement, Selection
from product_imagery.products import description_of

if TYPE_CHECKING:
    _Base = admin.ModelAdmin[Any]
else:
    _Base = object


class EnhanceImagesMixin(_Base):
    """Add “Enhance pictures” to a changelist: ``class ProductAdmin(EnhanceImagesMixin, admin.ModelAdmin)``."""

    actions: Any = ("enhance_images",)

    def has_enhance_images_permission(self, request: HttpRequest) -> bool:
        """Show the action only to those who may start enhancements."""
        return bool(request.user.has_perm("product_imagery.start_enhancement"))

    @admin.action(description=_("Enhance pictures of selected %(verbose_name_plural)s"), permissions=["enhance_images"])
    def enhance_images(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Keep the selection on the server and ask what to do with it."""
        if not self.admin_site.is_registered(Enhancement):
            missing = gettext("This site lacks our pages: a developer calls product_imagery.admin.register(site).")
            self.message_user(request, missing, messages.ERROR)
            return None
        try:
            description_of(self.model)
        except RegistrationError as error:
            self.message_user(request, error.message, messages.ERROR)
            return None
        most = get_settings().max_selection
        ids = [str(pk) for pk in queryset.order_by().values_list("pk", flat=True)[: most + 1]]
        if len(ids) > most:
            sentence = ngettext("Select at most %(n)s product.", "Select at most %(n)s products.", most) % {"n": most}
            self.message_user(request, sentence, messages.ERROR)
            return None
        if not self.has_view_permission(request):
            self.message_user(request, gettext("You may not see these products."), messages.ERROR)
            return None
        selection = Selection.objects.create(
            content_type=ContentType.objects.get_for_model(self.model, for_concrete_model=False),
            ids=ids,
            actor_id=request.user.pk,  # type: ignore[misc]
        )
        return go(self.admin_site, "enhancement_start", selection.pk)
