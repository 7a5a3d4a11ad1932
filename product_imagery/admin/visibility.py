"""Rules of the shop's own admin, applied to our tables: the pictures that a person may see or change.

A product is visible where its ``ModelAdmin`` on the same site shows it: by its permissions, its ``get_queryset`` and
its ``has_view_permission(request, obj)``. Where the site has none, the permission on the model decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest

from product_imagery.admin.base import ReadOnly
from product_imagery.models import Enhancement, EnhancementItem, ProviderJob
from product_imagery.products import ProductImages, registered
from product_imagery.rows import text_keys

_Row = TypeVar("_Row", bound=Model)


def visible(
    request: HttpRequest, site: AdminSite, rows: QuerySet[_Row], path: str = "", *, change: bool = False
) -> QuerySet[_Row]:
    """Filter by pictures that the person may see, or ``change``; ``path``, e.g. ``item__``, leads to the row."""
    rules = {one: _allowed(request, site, one, change) for one in registered()}
    if all(keys is True for keys in rules.values()):
        return rows
    condition = Q(pk__in=())
    for description, keys in rules.items():
        if keys is False:
            continue
        own = Q(**{f"{path}content_type": description.content_type()})
        condition |= own if keys is True else own & Q(**{f"{path}object_id__in": keys})
    return rows.filter(condition)


def visible_enhancements(request: HttpRequest, site: AdminSite, rows: QuerySet[Enhancement]) -> QuerySet[Enhancement]:
    """Filter by a picture that the person may see; keep enhancements whose pictures are not known yet."""
    items = EnhancementItem.objects.filter(enhancement=OuterRef("pk"))
    shown = visible(request, site, items)
    return rows if shown is items else rows.filter(Exists(shown) | ~Exists(items))


def visible_jobs(request: HttpRequest, site: AdminSite, rows: QuerySet[ProviderJob]) -> QuerySet[ProviderJob]:
    """Filter by a picture that the person may see; jobs without pictures are judged by their enhancement."""
    items = EnhancementItem.objects.filter(job=OuterRef("pk"))
    shown = visible(request, site, items)
    if shown is items:
        return rows
    enhancements = visible_enhancements(request, site, Enhancement.objects.order_by())
    return rows.filter(Exists(shown) | (~Exists(items) & Q(enhancement__in=enhancements.values("pk"))))


def sees_all(request: HttpRequest, site: AdminSite, items: QuerySet[EnhancementItem]) -> bool:
    """Return true if the person may see every item, as a step that concerns them all requires."""
    shown = visible(request, site, items)
    return shown is items or not items.exclude(pk__in=shown.values("pk")).exists()


def jobs_seen_whole(request: HttpRequest, site: AdminSite, jobs: QuerySet[ProviderJob]) -> QuerySet[ProviderJob]:
    """Filter by jobs of which the person may see every product, as a decision about a job requires."""
    items = EnhancementItem.objects.exclude(job=None).order_by()
    shown = visible(request, site, items)
    if shown is items:
        return jobs
    return jobs.exclude(pk__in=items.exclude(pk__in=shown.values("pk")).values("job"))


def visible_products(request: HttpRequest, site: AdminSite, description: ProductImages) -> QuerySet[Any] | None:
    """Return the products of a model that the person may see; ``None`` if there is no page or permission for them."""
    if not site.is_registered(description.model):
        return None
    host = site.get_model_admin(description.model)
    return host.get_queryset(request) if host.has_view_or_change_permission(request) else None


def sees(request: HttpRequest, site: AdminSite, description: ProductImages, key: str) -> bool:
    """Return true if the person may see one product, by the rules of ``visible``."""
    found = _evaluate(request, site, description.model, change=False, only=key)
    return found if isinstance(found, bool) else key in _texts(found)


def may_change(request: HttpRequest, site: AdminSite, description: ProductImages, keys: Iterable[Any]) -> bool:
    """Return true if the person may change every one of these products; ``keys`` may be a query."""
    allowed = _allowed(request, site, description, change=True)
    if isinstance(allowed, bool):
        return allowed
    return {str(key) for key in keys} <= _texts(allowed)


def _allowed(request: HttpRequest, site: AdminSite, description: ProductImages, change: bool) -> Any:
    """Return true for all products of a model, false for none, or the allowed primary keys as text.

    The rules are evaluated once per request.
    """
    cache: dict[Any, Any] = request.__dict__.setdefault("_imagery_allowed", {})
    key = (site.name, description, change)
    if key not in cache:
        cache[key] = _evaluate(request, site, description.model, change)
    return cache[key]


def _evaluate(request: HttpRequest, site: AdminSite, model: type[Model], change: bool, only: str | None = None) -> Any:
    if not site.is_registered(model):
        steps = ("change",) if change else ("view", "change")
        return any(request.user.has_perm(f"{model._meta.app_label}.{step}_{model._meta.model_name}") for step in steps)
    host = site.get_model_admin(model)
    check = host.has_change_permission if change else host.has_view_or_change_permission
    names = ("has_change_permission",) if change else ("has_view_permission", "has_change_permission")
    alike: Any = {ReadOnly.has_change_permission, *(getattr(ModelAdmin, name) for name in names)}  # for all rows
    is_own_check = any(getattr(type(host), name) not in alike for name in names)
    if not check(request):
        return False
    rows = host.get_queryset(request)
    if only is not None:
        rows = rows.filter(pk=only)
    if is_own_check:  # the shop's own code decides for each product
        return [str(row.pk) for row in rows if check(request, row)]
    if type(host).get_queryset is ModelAdmin.get_queryset:
        return True
    return text_keys(rows, EnhancementItem.objects.db)


def _texts(keys: Any) -> set[str]:
    """Return the keys that ``text_keys`` has found, or chosen, as text."""
    return set(keys.values_list("imagery_key", flat=True) if isinstance(keys, QuerySet) else keys)
