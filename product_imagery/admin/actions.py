"""Mixin for the product admin of a shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.forms import Media
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.base import stepwise_view
from product_imagery.admin.permissions import may
from product_imagery.admin.product_page import enhance_product, panel, pictures_page, with_refused
from product_imagery.admin.start import form_in_address, left_out_view, look_picture, start_page
from product_imagery.conf import get_settings
from product_imagery.exceptions import RegistrationError
from product_imagery.models import Enhancement, Selection
from product_imagery.products import description_of

_PANEL = "product_pictures"

if TYPE_CHECKING:
    _Base = admin.ModelAdmin[Any]
else:
    _Base = object


class EnhanceImagesMixin(_Base):
    """Add “Enhance pictures” to a changelist, the page where the selection becomes an enhancement, and a panel.

    ``class ProductAdmin(EnhanceImagesMixin, admin.ModelAdmin)``. A subclass may set ``enhance_images_template`` to a
    template that extends ours. The panel shows the pictures of a product on its own page, as the read-only field
    ``product_pictures`` in a fieldset of its own. Name that field in ``fieldsets`` to put it elsewhere, or set
    ``shows_product_pictures = False`` to have none.
    """

    actions: Any = ("enhance_images",)
    enhance_images_template = "admin/product_imagery/start/page.html"
    shows_product_pictures = True

    @property
    def media(self) -> Media:
        """Add the styles and the script of the panel."""
        found: Media = super().media
        styles = ("product_imagery/admin.css", "product_imagery/product.css")
        return found + Media(css={"all": styles}, js=("product_imagery/small.js",))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show above the list how many pictures could not be published."""
        return with_refused(request, self, super().changelist_view(request, extra_context))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Remember with the product for whom it is shown: the panel has links for this person."""
        product = super().get_object(request, object_id, from_field)
        if product is not None:
            product._imagery_request = request
        return product

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add the panel for a product that exists."""
        fields = super().get_readonly_fields(request, obj)
        shown = obj is not None and self.shows_product_pictures and _PANEL not in fields
        return (*fields, _PANEL) if shown else fields

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Put the panel into a fieldset of its own, unless the shop has given it a place."""
        fieldsets = super().get_fieldsets(request, obj)
        is_placed = _PANEL in flatten_fieldsets(self.fieldsets or ()) or _PANEL in (self.fields or ())
        if is_placed or _PANEL not in self.get_readonly_fields(request, obj):
            return fieldsets
        others = [(name, {**options, "fields": _without_panel(options["fields"])}) for name, options in fieldsets]
        return [*others, (_("Product pictures"), {"fields": (_PANEL,)})]

    @admin.display(description=_("On the product"))
    def product_pictures(self, product: Any) -> SafeString | str:
        request = getattr(product, "_imagery_request", None)
        return "–" if request is None else panel(request, self, product)

    def has_enhance_images_permission(self, request: HttpRequest) -> bool:
        """Show the action only to those who may start enhancements."""
        return may(request, "start_enhancement")

    def get_urls(self) -> list[URLPattern]:
        """Add the page of a selection, and the pages of a product."""
        pages: dict[str, tuple[str, Callable[..., HttpResponse]]] = {
            "enhance-images/<uuid:selection>/": ("enhance_images", self.enhance_images_view),
            "enhance-images/<uuid:selection>/look/": ("imagery_look", self._look_view),
            "enhance-images/<uuid:selection>/left-out/": ("imagery_left_out", self._left_out_view),
            "enhance-images/product/<path:object_id>/": ("enhance_product", self._enhance_product_view),
            "<path:object_id>/pictures/": ("imagery_pictures", self._pictures_view),
        }
        named = f"{self.opts.app_label}_{self.opts.model_name}"
        more: dict[str, Any] = {"enhance_images": {"back": form_in_address}, "imagery_look": {"cacheable": True}}
        own = [
            path(route, stepwise_view(self.admin_site, view, **more.get(name, {})), name=f"{named}_{name}")
            for route, (name, view) in pages.items()
        ]
        return [*own, *super().get_urls()]

    def _url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_enhance_images"

    @admin.action(description=_("Enhance pictures of selected %(verbose_name_plural)s"), permissions=["enhance_images"])
    def enhance_images(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Store the selection and redirect to its page, which asks for look and options."""
        maximum = get_settings().max_selection
        ids = [str(pk) for pk in queryset.order_by().values_list("pk", flat=True)[: maximum + 1]]
        refusal = self._refusal(request, len(ids))
        if refusal:
            self.message_user(request, refusal, messages.ERROR)
            return None
        selection = Selection.objects.create(
            content_type=ContentType.objects.get_for_model(self.model, for_concrete_model=False),
            ids=ids,
            actor_id=request.user.pk,  # type: ignore[misc]
        )
        name = f"admin:{self._url_name()}"
        return HttpResponseRedirect(reverse(name, args=[selection.pk], current_app=self.admin_site.name))

    def _refusal(self, request: HttpRequest, count: int) -> str:
        """Return a sentence if nothing can be started for ``count`` products here, or an empty string."""
        if not self.admin_site.is_registered(Enhancement):
            return gettext("This site lacks our pages: a developer calls product_imagery.admin.register(site).")
        try:
            description_of(self.model)
        except RegistrationError as error:
            return error.message
        maximum = get_settings().max_selection
        if count > maximum:
            text = ngettext("Select at most %(n)s product.", "Select at most %(n)s products.", maximum)
            return text % {"n": maximum}
        return "" if self.has_view_permission(request) else gettext("You may not see these products.")

    def enhance_images_view(self, request: HttpRequest, selection: Any) -> HttpResponse:
        """Show the page of a selection, and start the enhancement when its form is sent."""
        return start_page(request, selection, self, self.enhance_images_template)

    def _look_view(self, request: HttpRequest, selection: Any) -> HttpResponse:
        return look_picture(request, selection, self)

    def _left_out_view(self, request: HttpRequest, selection: Any) -> HttpResponse:
        return left_out_view(request, selection, self)

    def _pictures_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return pictures_page(request, self, unquote(object_id))

    def _enhance_product_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return enhance_product(request, self, unquote(object_id))


def _without_panel(fields: Any) -> list[Any]:
    return [field for field in fields if field != _PANEL]
