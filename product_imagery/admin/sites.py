"""Admin sites beside the default one."""

from __future__ import annotations

from django.contrib.admin import AdminSite, site
from django.contrib.admin.sites import all_sites

from product_imagery.admin.actions import EnhanceImagesMixin
from product_imagery.models import Enhancement


def register(other: AdminSite) -> None:
    """Register our pages on another admin site as on the default one; those already registered stay."""
    for model, page in list(site._registry.items()):
        if model._meta.app_label == "product_imagery" and not other.is_registered(model):
            other.register(model, type(page))


def sites_without_pages() -> list[str]:
    """Return the names of the sites that offer to enhance pictures but lack the pages for it."""
    offering = [
        one for one in all_sites if any(isinstance(page, EnhanceImagesMixin) for page in one._registry.values())
    ]
    return sorted(one.name for one in offering if not one.is_registered(Enhancement))
