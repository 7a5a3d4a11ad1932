"""The page that names what was left out of a selection, by reason: before a start, and after it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from product_imagery.admin.base import render_page
from product_imagery.admin.pictures import labels_of
from product_imagery.admin.visibility import visible_products
from product_imagery.exceptions import RegistrationError
from product_imagery.flows.enhancements.plan import left_out_text
from product_imagery.products import ProductImages, description_for

_PER_PAGE = 50
_Product = tuple[int, str]  #: content type and primary key


def left_out_rows(numbers: Mapping[str, int], address: str) -> list[dict[str, Any]]:
    """Return a sentence for each reason; if there is an ``address`` to put the reason behind, with the page."""
    return [
        {"reason": reason, "text": left_out_text(reason, number), "url": address and f"{address}{reason}"}
        for reason, number in numbers.items()
    ]


def left_out_page(
    request: HttpRequest, site: AdminSite, pictures: Mapping[str, Sequence[Sequence[Any]]], about: dict[str, Any]
) -> HttpResponse:
    """Show the products of one reason by name; ``about``: ``title``, ``opts``, and where ``back`` leads."""
    chosen = request.GET.get("reason", "")
    chosen = chosen if chosen in pictures else next(iter(pictures), "")
    products = Counter((content_type, str(key)) for content_type, key, _slot in pictures.get(chosen, ()))
    page = Paginator(list(products.items()), _PER_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    for name in ("page", "reason"):
        query.pop(name, None)
    address = f"?{query.urlencode()}&reason="
    numbers = {reason: len(names) for reason, names in pictures.items()}
    context = {
        **site.each_context(request),
        **about,
        "page": page,
        "query": address + chosen,
        "chosen": chosen,
        "reasons": left_out_rows(numbers, address),
        "products": list(_named(request, site, list(page.object_list))),
    }
    return render_page(request, site, "admin/product_imagery/left_out.html", context)


def _named(request: HttpRequest, site: AdminSite, products: list[tuple[_Product, int]]) -> Iterator[dict[str, Any]]:
    """Yield name, address and number of pictures of products; neither of one that the person may not see."""
    by_type: dict[int, list[str]] = defaultdict(list)
    for (content_type, key), _number in products:
        by_type[content_type].append(key)
    known = {content_type: _labels(request, site, content_type, keys) for content_type, keys in by_type.items()}
    for (content_type, key), number in products:
        label = known[content_type].get(key)
        yield {
            "label": _("A product that is gone, or that you may not see") if label is None else label,
            "url": "" if label is None else _address(site, content_type, key),
            "number": number,
        }


def _labels(request: HttpRequest, site: AdminSite, content_type: int, keys: list[str]) -> dict[str, str]:
    description = _description(content_type)
    rows = visible_products(request, site, description) if description else None
    if description is None or rows is None:
        return {}
    return {str(key): label for key, label in labels_of(description, rows.order_by("pk"), keys).items()}


def _description(content_type: int) -> ProductImages | None:
    try:
        return description_for(content_type)
    except (RegistrationError, ContentType.DoesNotExist):
        return None


def _address(site: AdminSite, content_type: int, key: str) -> str:
    model = ContentType.objects.get_for_id(content_type)
    return reverse(f"admin:{model.app_label}_{model.model}_change", args=[key], current_app=site.name)
