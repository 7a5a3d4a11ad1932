"""Addresses of products and of small copies of their files, for rows that know a product only by its content type."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.urls import reverse

from product_imagery.admin.actions import EnhanceImagesMixin
from product_imagery.admin.pictures import thumbnail_url
from product_imagery.exceptions import ImageryError
from product_imagery.flows.previews import LOOK_SIDE
from product_imagery.models import EnhancementItem
from product_imagery.products import description_for
from product_imagery.storage.store import address_of


def small_copy_url(
    request: HttpRequest,
    site: AdminSite,
    content_type_id: int,
    name: str,
    *,
    target: bool = False,
    side: int = LOOK_SIDE,
) -> str:
    """Return the URL of a small copy of a file, made on first use; empty where the shop's own admin serves none.

    ``target``: the file is in the field that is written, not in the one that is read.
    """
    model = ContentType.objects.get_for_id(content_type_id).model_class()
    host = site._registry.get(model) if model else None
    if not name or not isinstance(host, EnhanceImagesMixin):
        return ""
    return thumbnail_url(request, host, name, target=target, side=side)


def shop_url(site: AdminSite, content_type_id: int, object_id: str) -> str:
    """Return the URL that leads to the product's page in the shop; empty where the shop's admin links to none."""
    model = ContentType.objects.get_for_id(content_type_id).model_class()
    host = site._registry.get(model) if model else None
    if host is None or host.view_on_site is not True or not hasattr(model, "get_absolute_url"):
        return ""
    keys = {"content_type_id": content_type_id, "object_id": object_id}
    return reverse("admin:view_on_site", kwargs=keys, current_app=site.name)


def source_url(request: HttpRequest, site: AdminSite, item: EnhancementItem, side: int = LOOK_SIDE) -> str:
    """Return the URL of the thumbnail of a source, or of a small copy of it; empty if there is neither."""
    if item.source_thumbnail:
        return str(item.source_thumbnail.url)
    return small_copy_url(request, site, item.content_type_id, item.source_name, side=side)


def file_url(content_type_id: int, name: str, *, target: bool = False) -> str:
    """Return the URL of a file in the product's own storage; empty if there is none."""
    try:
        description = description_for(content_type_id)
        return address_of(description.target_storage if target else description.storage, name)
    except (ImageryError, ValueError):
        return ""
