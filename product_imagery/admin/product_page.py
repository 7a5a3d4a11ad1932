"""The pictures of one product: a panel on its own page in the shop's admin, and a page with history and buttons."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from product_imagery import history
from product_imagery.admin.base import for_each, number_in, page_url, render_page, user_of
from product_imagery.admin.permissions import may, may_take_any_step, missing, require
from product_imagery.admin.pictures import labels_of
from product_imagery.admin.small_copies import small_url, version_url
from product_imagery.admin.visibility import visible
from product_imagery.exceptions import ImageryError
from product_imagery.flows.results import publish
from product_imagery.models import Enhancement, EnhancementItem, ImageVersion, ResultImage, Selection
from product_imagery.products import ProductPicture, description_of
from product_imagery.states import Review
from product_imagery.storage.store import address_of

_IN_PANEL, _ON_PAGE = 8, 100  #: pictures shown
_ROWS = 25  #: results, items and versions shown


def panel(request: HttpRequest, host: ModelAdmin[Any], product: Model) -> SafeString:
    """Return the panel for the product's page: pictures, what waits, what is being made, and links."""
    if not host.admin_site.is_registered(Enhancement):
        return SafeString()
    try:
        facts = _facts(request, host, product, _IN_PANEL)
    except ImageryError as error:
        facts = {"problem": error.message}
    return render_to_string("admin/product_imagery/product_panel.html", facts, request)


def with_refused(request: HttpRequest, host: ModelAdmin[Any], response: HttpResponse) -> HttpResponse:
    """Show above a list of products how many pictures could not be published on them, with the page to decide."""
    facts: dict[str, Any] = getattr(response, "context_data", None) or {}
    if not isinstance(response, TemplateResponse) or "cl" not in facts:
        return response
    if not host.admin_site.is_registered(Enhancement) or not _may_follow(request):
        return response
    mine = ResultImage.objects.lately_refused().filter(item__content_type=_content_type(host))
    refused = visible(request, host.admin_site, mine, "item__").aggregate(n=Count("item", distinct=True))["n"]
    if refused:
        facts |= {
            "imagery_refused": refused,
            "imagery_list": response.resolve_template(response.template_name),
            "imagery_refused_page": page_url(host.admin_site, "enhancement_review") + "?show=refused",
        }
        response.template_name = "admin/product_imagery/product_list.html"
    return response


def pictures_page(request: HttpRequest, host: ModelAdmin[Any], object_id: str) -> HttpResponse:
    """Show the pictures of a product with their history; a POST puts an earlier one back."""
    product = _product(request, host, object_id)
    if request.method == "POST":
        _put_back(request, host, product)
        return HttpResponseRedirect(request.get_full_path())
    facts = _facts(request, host, product, _ON_PAGE)
    steps = ("start_enhancement", "review_resultimage", "publish_resultimage", "restore_imageversion")
    context = {
        **host.admin_site.each_context(request),
        **facts,
        "opts": host.opts,
        "title": _("Pictures of %s") % facts["label"],
        "product_url": _url(host, "change", product.pk),
        "lacking": missing(request, *steps),
    }
    return render_page(request, host.admin_site, "admin/product_imagery/product_pictures.html", context)


def enhance_product(request: HttpRequest, host: ModelAdmin[Any], object_id: str) -> HttpResponse:
    """Select one product and redirect to its start page. The same selection serves again while it lasts."""
    require(request, "start_enhancement")
    product = _product(request, host, object_id)
    chosen: dict[str, Any] = {
        "content_type": _content_type(host),
        "ids": [str(product.pk)],
        "actor_id": request.user.pk,
    }
    selection = Selection.objects.filter(**chosen).first() or Selection.objects.create(**chosen)
    return HttpResponseRedirect(_url(host, "enhance_images", selection.pk))


def _product(request: HttpRequest, host: ModelAdmin[Any], object_id: str) -> Model:
    """Return the product if the shop's own admin shows it to the person. Raises ``Http404``, ``PermissionDenied``."""
    product = host.get_object(request, object_id)
    if product is None:
        raise Http404("There is no such product.")
    if not host.has_view_or_change_permission(request, product):
        raise PermissionDenied(_("You may not see these products."))
    return product  # type: ignore[no-any-return]


def _put_back(request: HttpRequest, host: ModelAdmin[Any], product: Model) -> None:
    """Put an earlier picture back as the form says, and show a sentence about it."""
    require(request, "restore_imageversion")
    if not host.has_change_permission(request, product):
        raise PermissionDenied(_("You may not change this product."))
    versions = _of(ImageVersion.objects.all(), host, product)
    chosen = versions.filter(pk=number_in(request.POST.get("put_back")))
    person = user_of(request)
    step, record = partial(publish.restore, actor=person), partial(history.restored, person)
    done = for_each(request, step, chosen.select_related("result__enhancement"), record)
    if done:
        messages.success(request, history.restored_sentence(len(done)))


def _facts(request: HttpRequest, host: ModelAdmin[Any], product: Model, most: int) -> dict[str, Any]:
    """Return what panel and page show of a product, with the same few queries for any number of pictures.

    Raises ``RegistrationError`` for a model without a description.
    """
    description = description_of(host.model)
    found = list(description.list_pictures([product.pk]))
    covers = description.cover_slots([product.pk])
    shown = {picture.slot: picture.target_name for picture in found}
    pictures = [
        {**_files_of(request, host, one), "number": number, "is_cover": one.slot in covers}
        for number, one in islice(enumerate(found, start=1), most)
    ]
    facts: dict[str, Any] = {"pictures": pictures, "total": len(found), "more": len(found) - len(pictures)}
    labels = labels_of(description, host.model._base_manager.all(), [product.pk])
    facts |= {"label": labels.get(product.pk, str(product.pk)), "product": product}
    facts["page_url"] = _url(host, "imagery_pictures", product.pk)
    if may(request, "start_enhancement") and found:
        facts["enhance_url"] = _url(host, "enhance_product", product.pk)
    return facts | _work_on(request, host, product) | _history_of(request, host, product, shown)


def _files_of(request: HttpRequest, host: ModelAdmin[Any], picture: ProductPicture) -> dict[str, str]:
    """Return the addresses of the file that customers see, and of a small copy of it."""
    description, target = description_of(host.model), bool(picture.target_name)
    product = _content_type(host).pk, picture.object_id
    name = picture.target_name or picture.source_name
    return {
        "url": small_url(request, host.admin_site, product, name, target=target),
        "file": address_of(description.target_storage if target else description.storage, name),
    }


def _work_on(request: HttpRequest, host: ModelAdmin[Any], product: Model) -> dict[str, Any]:
    """Return results that wait for a review and items that are being made, with links for those who may follow them."""
    site, may_see = host.admin_site, _may_follow(request)
    refused = _of(ResultImage.objects.refused(), host, product, "item__").order_by("-pk")
    waiting = _of(ResultImage.objects.filter(review=Review.PENDING), host, product, "item__")
    busy = _of(EnhancementItem.objects.exclude(active_key=None), host, product)
    return {
        "refused": [
            {
                "reason": result.publication_note,
                "url": f"{page_url(site, 'enhancement_review', result.enhancement_id)}?show=refused&focus={result.pk}"
                if may_see
                else "",
            }
            for result in refused[:_ROWS]
        ],
        "waiting": [
            {
                "result": result,
                "enhancement": result.enhancement,
                "url": page_url(site, "enhancement_review", result.enhancement_id) if may_see else "",
            }
            for result in waiting.select_related("enhancement__preset").order_by("-pk")[:_ROWS]
        ],
        "busy": [
            {
                "enhancement": item.enhancement,
                "state": item.get_status_display(),
                "url": page_url(site, "enhancement_change", item.enhancement_id) if may_see else "",
            }
            for item in busy.select_related("enhancement__preset").order_by("-pk")[:_ROWS]
        ],
    }


def _may_follow(request: HttpRequest) -> bool:
    return may_take_any_step(request) or may(request, "view_resultimage")


def _history_of(request: HttpRequest, host: ModelAdmin[Any], product: Model, shown: dict[str, str]) -> dict[str, Any]:
    """Return the publications of a product, newest first; the one that stands there now can be taken back."""
    may_restore = may(request, "restore_imageversion") and host.has_change_permission(request, product)
    rows = _of(ImageVersion.objects.all(), host, product).select_related(
        "published_by", "restored_by", "result__enhancement__preset"
    )
    versions = [
        {
            "version": version,
            "before": version_url(request, host.admin_site, version, "before"),
            "after": version_url(request, host.admin_site, version, "after"),
            "enhancement": version.result.enhancement if version.result else "",
            "stands": version.restored_at is None and shown.get(version.slot) == version.after_name,
            "may_restore": may_restore,
        }
        for version in rows.order_by("-pk")[:_ROWS]
    ]
    return {"versions": versions, "may_restore": may_restore}


def _of(rows: Any, host: ModelAdmin[Any], product: Model, path: str = "") -> Any:
    """Filter rows about one product; ``path``, e.g. ``item__``, leads to the row that names it."""
    return rows.filter(**{f"{path}content_type": _content_type(host), f"{path}object_id": str(product.pk)})


def _content_type(host: ModelAdmin[Any]) -> ContentType:
    return ContentType.objects.get_for_model(host.model, for_concrete_model=False)


def _url(host: ModelAdmin[Any], page: str, *arguments: Any) -> str:
    name = f"admin:{host.opts.app_label}_{host.opts.model_name}_{page}"
    return reverse(name, args=arguments, current_app=host.admin_site.name)
